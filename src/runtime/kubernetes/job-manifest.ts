import type { V1Container, V1Job, V1Probe, V1ResourceRequirements, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { HealthCheckSpec } from '../../engines/container-spec';
import type { Resources } from '../../engines/resources';
import type { AllowedRegistries } from '../allowed-registries';
import { pinned } from '../image-digest';
import { DriverError, type WorkloadSpec } from '../runtime-driver';
import { claimName } from './claims';
import { metaOf, objectName, pullSecretName, secretName, type Maker } from './labels';

/** The container of a replica in its Pod. */
export const CONTAINER = 'replica';
/** For ends that nobody gave a time for, such as those of `kubectl drain` and of a suspended Job, unless containers get longer here. */
const LEAST_GRACE_SECONDS = 30;
const TMP_SIZE = '64Mi';
/** Volumes are made writable for this group, which every user of a container with volumes is in: who it is, nobody else knows. */
const VOLUME_GROUP = { fsGroup: 65_532, fsGroupChangePolicy: 'OnRootMismatch' };

/** Where a Job is made: what the installation and the node decide about it. */
export interface JobPlace extends Maker {
  /** The machines of the cluster that the node consists of, by their labels; empty: all. */
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** The resource that stands for one GPU, such as `nvidia.com/gpu`. */
  readonly gpuResource: string;
  /** What containers get between SIGTERM and SIGKILL where nobody asks for another time. */
  readonly graceSeconds: number;
  /** Where machines of the cluster may be sent to for an image. */
  readonly registries: AllowedRegistries;
}

/**
 * The body of one replica: a Job whose Pod is started once and never again, wherever it ends. It is bound to the restricted Pod
 * Security Standard, and there is no way to ask for more, because the spec is a closed type. Throws `unfit` for what no cluster can do.
 */
export function jobFor(spec: WorkloadSpec, place: JobPlace): V1Job {
  const meta = metaOf(spec, place);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: objectName(spec.replicaId), ...meta },
    spec: {
      backoffLimit: 0,
      // Another Pod would be a second run. A Job whose Pod was evicted or removed fails instead, and the replica is replaced.
      podReplacementPolicy: 'Failed',
      template: {
        metadata: meta,
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: Math.max(LEAST_GRACE_SECONDS, place.graceSeconds),
          nodeSelector: { ...place.nodeSelector },
          securityContext: { runAsNonRoot: true, ...(spec.volumes ? VOLUME_GROUP : {}) },
          ...(spec.registry ? { imagePullSecrets: [{ name: pullSecretName(spec, spec.registry) }] } : {}),
          containers: [containerOf(spec, place)],
          ...(volumesOf(spec).length === 0 ? {} : { volumes: volumesOf(spec) }),
        },
      },
    },
  };
}

function containerOf(spec: WorkloadSpec, { gpuResource, registries }: JobPlace): V1Container {
  return {
    name: CONTAINER,
    image: spec.imageDigest == null ? spec.image : pinned(spec.image, spec.imageDigest),
    // What a machine has already may start, whatever registry its name names, as on a Docker Engine.
    imagePullPolicy: registries.allows(spec.image) ? 'IfNotPresent' : 'Never',
    // What is called a command here replaces that of the image and leaves its entrypoint, as with Docker.
    ...(spec.command === null ? {} : { args: [...spec.command] }),
    ...(Object.keys(spec.env).length === 0 ? {} : { envFrom: [{ secretRef: { name: secretName(spec) } }] }),
    ports: spec.ports.map(({ containerPort, protocol }) => ({ containerPort, protocol: protocol === 'tcp' ? 'TCP' : 'UDP' })),
    resources: amounts(spec.resources, gpuResource),
    securityContext: {
      // Here and not for the Pod: loading the filter for its pause container, too, would make each start slower.
      seccompProfile: { type: 'RuntimeDefault' },
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: spec.readOnlyRoot === true,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    },
    ...(spec.healthCheck === null ? {} : { readinessProbe: probe(spec.healthCheck) }),
    ...(mountsOf(spec).length === 0 ? {} : { volumeMounts: mountsOf(spec) }),
  };
}

const volumesOf = ({ readOnlyRoot, volumes = [] }: WorkloadSpec): V1Volume[] => [
  ...(readOnlyRoot === true ? [{ name: 'tmp', emptyDir: { sizeLimit: TMP_SIZE } }] : []),
  ...volumes.map(({ id, readOnly }) => ({ name: `volume-${id}`, persistentVolumeClaim: { claimName: claimName(id), readOnly } })),
];

const mountsOf = ({ readOnlyRoot, volumes = [] }: WorkloadSpec): V1VolumeMount[] => [
  ...(readOnlyRoot === true ? [{ name: 'tmp', mountPath: '/tmp' }] : []),
  ...volumes.map(({ id, path, readOnly }) => ({ name: `volume-${id}`, mountPath: path, readOnly })),
];

/** Requests are the limits: what a replica has reserved here is what the cluster keeps for it. */
function amounts({ cpuCores, memoryMb, storageGb, gpuUnits }: Resources, gpuResource: string): V1ResourceRequirements {
  const limits = {
    cpu: `${Math.round(cpuCores * 1000)}m`,
    memory: `${memoryMb}Mi`,
    'ephemeral-storage': `${storageGb}Gi`,
    ...(gpuUnits > 0 ? { [gpuResource]: String(gpuUnits) } : {}),
  };
  return { requests: limits, limits };
}

/** Failures within the start period would count; so the first probe comes after it. */
function probe(check: HealthCheckSpec): V1Probe {
  const times: V1Probe = {
    initialDelaySeconds: Math.ceil(check.startPeriodSeconds),
    periodSeconds: Math.max(1, Math.ceil(check.intervalSeconds)),
    timeoutSeconds: Math.max(1, Math.ceil(check.timeoutSeconds)),
    failureThreshold: check.retries,
  };
  if ('command' in check) return { ...times, exec: { command: [...check.command] } };
  if ('tcp' in check) return { ...times, tcpSocket: { port: check.tcp.port } };
  const { port, path, expectStatus } = check.http;
  if (expectStatus.from !== 200 || expectStatus.to !== 399) {
    throw new DriverError('unfit', 'A cluster takes an answer of 200 to 399 for healthy, and knows no other expect_status');
  }
  return { ...times, httpGet: { port, path } };
}
