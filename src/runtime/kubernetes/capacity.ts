import type { V1Container, V1Node, V1Pod } from '@kubernetes/client-node';
import type { LargestMachine, Resources } from '../../engines/resources';
import { LABEL } from './labels';
import { quantity } from './quantity';

const MB = 2 ** 20;
const GB = 2 ** 30;
const THOUSAND = 1000;
/** Less than this is an inexact multiplication. */
const NOTHING = 1e-6;

/** What a node of ours offers: all that its machines allow, less what others have asked for on them. */
export interface ClusterCapacity extends Resources {
  /** The machines that take Pods now. */
  readonly machines: readonly string[];
  /** What the largest of them could give to one replica, if none of ours were there; zeros without machines. */
  readonly largestMachine: LargestMachine;
}

/**
 * A machine counts when it is ready and has no taint that keeps Pods away, as ours tolerate none. The Pods of this node are left out of
 * what is taken, because reservations count them; those of another node of ours that is a part of the same cluster are not.
 */
export function capacityOf(
  machines: readonly V1Node[],
  pods: readonly V1Pod[],
  { nodeId, gpuResource }: { readonly nodeId: string; readonly gpuResource: string },
): ClusterCapacity {
  const open = new Map(machines.filter(takesPods).map((machine) => [machine.metadata?.name ?? '', machine.status?.allocatable ?? {}]));
  const others = pods.filter(
    ({ metadata, spec, status }) =>
      metadata?.labels?.[LABEL.node] !== nodeId &&
      open.has(spec?.nodeName ?? '') &&
      status?.phase !== 'Succeeded' &&
      status?.phase !== 'Failed',
  );
  const left = (resource: string): number => {
    const all = [...open.values()].reduce((sum, allocatable) => sum + counted(allocatable[resource], resource), 0);
    return Math.max(0, all - others.reduce((sum, pod) => sum + requested(pod, resource), 0));
  };
  const largest = (resource: string): number => {
    const left = new Map([...open].map(([name, allocatable]) => [name, counted(allocatable[resource], resource)]));
    for (const pod of others) {
      const name = pod.spec?.nodeName ?? '';
      left.set(name, (left.get(name) ?? 0) - requested(pod, resource));
    }
    return [...left.values()].reduce((most, each) => Math.max(most, each), 0);
  };
  return {
    machines: [...open.keys()],
    largestMachine: { cpuCores: largest('cpu') / THOUSAND, memoryMb: Math.floor(largest('memory') / MB) },
    cpuCores: left('cpu') / THOUSAND,
    memoryMb: Math.floor(left('memory') / MB),
    storageGb: Math.floor(left('ephemeral-storage') / GB),
    gpuUnits: Math.floor(left(gpuResource)),
  };
}

const takesPods = ({ spec, status }: V1Node): boolean =>
  spec?.unschedulable !== true &&
  !(spec?.taints ?? []).some(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute') &&
  (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');

/** As the scheduler counts: the containers together, or the largest of those that come first if that is more, and the overhead. */
function requested({ spec }: V1Pod, resource: string): number {
  const of = ({ resources }: V1Container): number => counted(resources?.requests?.[resource], resource);
  const together = (spec?.containers ?? []).reduce((sum, container) => sum + of(container), 0);
  const first = Math.max(0, ...(spec?.initContainers ?? []).map(of));
  return Math.max(together, first) + counted(spec?.overhead?.[resource], resource);
}

/**
 * As the scheduler counts an amount: processor in whole thousandths of a core and all else in whole units, both rounded up. So sums are
 * exact: five thousand tenths of a core are 500 cores, and what they leave can be given to replicas to the last thousandth.
 */
const counted = (text: string | undefined, resource: string): number =>
  Math.ceil(quantity(text) * (resource === 'cpu' ? THOUSAND : 1) - NOTHING);
