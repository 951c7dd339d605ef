import { HELD } from '../config/quota-list';
import type { LockedDeployment } from '../deployments/deployments.repository';
import type { Amounts } from '../deployments/holdings.sql';
import { replicaAmounts } from '../deployments/quota';
import { KEPT_REVISIONS } from '../deployments/revisions.repository';
import type { DeploymentSpec } from '../deployments/spec/deployment-spec';
import { storedBytes } from '../deployments/spec/spec-codec';
import type { Resources } from '../engines/resources';

export interface ChangeInView {
  readonly deployment: Pick<LockedDeployment, 'status' | 'targetReplicas' | 'resources'>;
  /** What the deployment holds now. */
  readonly held: Partial<Amounts>;
  readonly before: Pick<DeploymentSpec, 'labels'>;
  readonly wanted: DeploymentSpec;
  /** Absent: the change makes no revision. */
  readonly revision?: {
    readonly newest: number;
    /** The bytes of the secrets that it copies. */
    readonly copies: number;
  };
}

/**
 * What a change would add to what quotas count, as far as it is known without carrying it out: all but its volumes. The change itself
 * counts before and after. Pure.
 */
export function changeDemand({ deployment, held, before, wanted, revision }: ChangeInView): Partial<Amounts> {
  const { container, replicas, labels } = wanted;
  const portsNow = deployment.targetReplicas > 0 ? Math.ceil((held.ports ?? 0) / deployment.targetReplicas) : 0;
  // While it is rolled out the larger of both revisions counts; where nothing runs the new one is the current one at once.
  const isStepwise = deployment.status === 'running';
  const each = isStepwise ? larger(deployment.resources, container.resources) : container.resources;
  const ports = isStepwise ? Math.max(portsNow, container.ports.length) : container.ports.length;
  const later = replicaAmounts(replicas, each, ports);
  const grown = HELD.map((name): [string, number] => [name, (later[name] ?? 0) - (later[name] === undefined ? 0 : (held[name] ?? 0))]);
  // With a revision beyond the kept ones an older one is forgotten, which may weigh as much.
  const added = revision && revision.newest < KEPT_REVISIONS ? storedBytes({ ...wanted, labels: {} }) + revision.copies : 0;
  return { ...positive(grown), ...positive([['stored_bytes', added + bytesOf(labels) - bytesOf(before.labels)]]) };
}

const larger = (one: Resources, other: Resources): Resources => ({
  cpuCores: Math.max(one.cpuCores, other.cpuCores),
  memoryMb: Math.max(one.memoryMb, other.memoryMb),
  gpuUnits: Math.max(one.gpuUnits, other.gpuUnits),
  storageGb: Math.max(one.storageGb, other.storageGb),
});

const positive = (entries: readonly (readonly [string, number])[]): Partial<Amounts> =>
  Object.fromEntries(entries.filter(([, amount]) => amount > 0));

const bytesOf = (labels: DeploymentSpec['labels']): number => Buffer.byteLength(JSON.stringify(labels));
