import type { ContainerCreateOptions } from 'dockerode';
import type { HealthCheckSpec } from '../../engines/container-spec';
import { DriverError, type WorkloadSpec } from '../runtime-driver';
import { LABEL, USER_LABEL_PREFIX } from './docker-labels';

const PIDS_LIMIT = 256;

/**
 * Ordinary images start as root, change the owner of files, switch to another user and listen on port 80, which needs these
 * capabilities. Of Docker's defaults we leave out NET_RAW (spoofing on the bridge), MKNOD, SYS_CHROOT, SETPCAP, SETFCAP and
 * AUDIT_WRITE.
 */
export const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'NET_BIND_SERVICE', 'SETGID', 'SETUID'];

const MAX_NAME_PART = 40;
const NANO = 1_000_000_000;

/**
 * The whole request that creates a container, from a closed type: there is no way to ask for privileges, host namespaces,
 * mounts or devices. The memory limit includes swap. There is no restart policy, because the control plane decides about
 * restarts.
 */
export function containerPayload(
  spec: WorkloadSpec,
  owner: { installationId: string; publishAddress: string },
): ContainerCreateOptions & { name: string } {
  const memory = spec.resources.memoryMb * 1024 * 1024;
  return {
    name: containerName(spec),
    Image: spec.image,
    ...(spec.command === null ? {} : { Cmd: [...spec.command] }),
    Env: environment(spec.env),
    Labels: labels(spec, owner.installationId),
    Tty: false,
    OpenStdin: false,
    ExposedPorts: Object.fromEntries(spec.ports.map((port) => [`${port.containerPort}/${port.protocol}`, {}])),
    ...(spec.healthCheck === null ? {} : { Healthcheck: healthCheck(spec.healthCheck) }),
    HostConfig: {
      Init: true,
      Privileged: false,
      AutoRemove: false,
      NetworkMode: 'bridge',
      IpcMode: 'private',
      CapDrop: ['ALL'],
      CapAdd: CAPABILITIES,
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: PIDS_LIMIT,
      Memory: memory,
      MemorySwap: memory,
      NanoCpus: Math.round(spec.resources.cpuCores * NANO),
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      PublishAllPorts: false,
      PortBindings: Object.fromEntries(
        spec.ports.map((port) => [`${port.containerPort}/${port.protocol}`, [{ HostIp: owner.publishAddress, HostPort: '' }]]),
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
  };
}

function healthCheck(check: HealthCheckSpec): NonNullable<ContainerCreateOptions['Healthcheck']> {
  return {
    Test: ['CMD', ...check.command],
    Interval: check.intervalSeconds * NANO,
    Timeout: check.timeoutSeconds * NANO,
    Retries: check.retries,
    StartPeriod: check.startPeriodSeconds * NANO,
  };
}
