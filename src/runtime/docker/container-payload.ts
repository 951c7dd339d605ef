import { posix } from 'node:path';
import type { ContainerCreateOptions, MountSettings } from 'dockerode';
import type { CommandCheck } from '../../engines/container-spec';
import { specDigest } from '../../engines/spec-digest';
import { DriverError, type WorkloadSpec } from '../runtime-driver';
import { hardening, type Hold } from './container-hardening';
import { LABEL, USER_LABEL_PREFIX } from './docker-labels';
import { volumeName } from './docker-volumes';
import type { NodeImage } from './node-image';

const MAX_NAME_PART = 40;
const NANO = 1_000_000_000;
/**
 * The health check of an image would run with the engine's privileges, as often as the image likes. Checks by http and tcp are made
 * from outside.
 */
const NO_HEALTH_CHECK = { Test: ['NONE'] };

/** Where a container is made: what the installation, the node and the owner's network decide about it. */
export interface ContainerPlace extends Hold {
  readonly installationId: string;
  readonly publishAddress: string;
  readonly network: string;
}

/**
 * The whole request that creates a container, from a closed type: there is no way to ask for privileges, host namespaces,
 * folders of the machine or devices. The memory limit includes swap. There is no restart policy, because the control plane decides about
 * restarts.
 */
export function containerPayload(
  spec: WorkloadSpec,
  place: ContainerPlace,
  image: Pick<NodeImage, 'id' | 'labelNames' | 'volumes'>,
): ContainerCreateOptions & { name: string } {
  const memory = spec.resources.memoryMb * 1024 * 1024;
  return {
    name: containerName(spec),
    // By its id, because a name may mean another image by now than the one whose labels and volumes were read.
    Image: image.id,
    ...(spec.command === null ? {} : { Cmd: [...spec.command] }),
    Env: environment(spec.env),
    Labels: { ...overridden(image.labelNames), ...labels(spec, place.installationId) },
    Tty: false,
    OpenStdin: false,
    ExposedPorts: Object.fromEntries(spec.ports.map((port) => [`${port.containerPort}/${port.protocol}`, {}])),
    Healthcheck: spec.healthCheck !== null && 'command' in spec.healthCheck ? healthCheck(spec.healthCheck) : NO_HEALTH_CHECK,
    NetworkingConfig: { EndpointsConfig: { [place.network]: { Aliases: [spec.deploymentName] } } },
    HostConfig: {
      ...hardening(spec, place),
      Init: true,
      AutoRemove: false,
      NetworkMode: place.network,
      Memory: memory,
      MemorySwap: memory,
      NanoCpus: Math.round(spec.resources.cpuCores * NANO),
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      Mounts: [...projectVolumes(spec), ...imageVolumes(spec, place.installationId, image.volumes)],
      PublishAllPorts: false,
      PortBindings: Object.fromEntries(
        spec.ports.map((port) => [`${port.containerPort}/${port.protocol}`, [{ HostIp: place.publishAddress, HostPort: '' }]]),
      ),
      ...(spec.resources.gpuUnits > 0 ? { DeviceRequests: [{ Driver: '', Count: spec.resources.gpuUnits, Capabilities: [['gpu']] }] } : {}),
    },
  };
}

/** The name is the same for every attempt, so that of two creations at once one fails with a 409. */
export function containerName(spec: WorkloadSpec): string {
  const readable = spec.deploymentName.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, MAX_NAME_PART);
  return `fog-${readable}-${spec.replicaId.replaceAll('-', '').slice(0, 12)}`;
}

function environment(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([key, value]) => {
    if (key === '' || /[=\0]/.test(key) || value.includes('\0')) {
      throw new DriverError('rejected', 'A name in the environment is empty or has a character that no environment can hold');
    }
    return `${key}=${value}`;
  });
}

function labels(spec: WorkloadSpec, installationId: string): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries(spec.labels).map(([key, value]) => [`${USER_LABEL_PREFIX}${key}`, value])),
    [LABEL.installation]: installationId,
    [LABEL.deployment]: spec.deploymentId,
    [LABEL.replica]: spec.replicaId,
    [LABEL.generation]: String(spec.generation),
    [LABEL.owner]: spec.ownerId,
    [LABEL.image]: spec.image,
    [LABEL.spec]: specDigest(spec),
    ...(spec.imageDigest == null ? {} : { [LABEL.imageDigest]: spec.imageDigest }),
  };
}

/** An engine copies the labels of the image, where other software on the machine would obey them; only a value can be taken away. */
const overridden = (names: readonly string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, '']));

/** New ones begin with what the image has at their place, with its owner, so that the user of the image may write there. */
const projectVolumes = ({ volumes = [] }: WorkloadSpec): MountSettings[] =>
  volumes.map(({ id, path, readOnly }) => ({ Type: 'volume', Source: volumeName(id), Target: path, ReadOnly: readOnly }));

const isMounted = ({ volumes = [] }: WorkloadSpec, path: string): boolean => volumes.some((volume) => volume.path === path);

/** An engine lays a volume of the image over a part of ours, so that what is written there would be gone with the container. */
function requireNoneBelow({ volumes = [] }: WorkloadSpec, paths: readonly string[]): void {
  const lost = paths.find((path) => volumes.some((volume) => path.startsWith(`${volume.path}/`)));
  if (lost === undefined) return;
  throw new DriverError('rejected', `The image keeps ${lost} in a volume of its own, where nothing lasts: mount the volume at ${lost}`);
}

const withoutSlash = (path: string): string => posix.join(path, '.').replace(/(?<=.)\/$/, '');

/** Volumes that the image asks for. Made by us they carry our labels, so that what is left of them can be found. */
function imageVolumes(spec: WorkloadSpec, installationId: string, asked: readonly string[]): MountSettings[] {
  const paths = asked.map(withoutSlash);
  requireNoneBelow(spec, paths);
  return paths
    .filter((path) => !isMounted(spec, path))
    .map((path) => ({
      Type: 'volume',
      Source: '',
      Target: path,
      VolumeOptions: {
        NoCopy: false,
        Labels: { [LABEL.installation]: installationId, [LABEL.replica]: spec.replicaId },
        DriverConfig: { Name: '', Options: {} },
      },
    }));
}

function healthCheck(check: CommandCheck): NonNullable<ContainerCreateOptions['Healthcheck']> {
  return {
    Test: ['CMD', ...check.command],
    Interval: check.intervalSeconds * NANO,
    Timeout: check.timeoutSeconds * NANO,
    Retries: check.retries,
    StartPeriod: check.startPeriodSeconds * NANO,
  };
}
