import type { V1Job, V1ObjectMeta, V1Pod } from '@kubernetes/client-node';
import { oneLine } from '../one-line';
import { isMachineSilent } from './observe';

/** The cluster's own finalizers, which end when the Pods have. */
const OF_THE_CLUSTER = new Set(['batch.kubernetes.io/job-tracking', 'foregroundDeletion', 'orphan']);

/** Why a replica that was told to end is still there, in words for people. */
export function whyNotGone(job: V1Job | null, pods: readonly V1Pod[]): string {
  const [pod] = pods;
  if (pod === undefined) return keptBy('Job', job?.metadata) ?? 'The cluster has not removed its Job yet';
  if (isMachineSilent(pod)) {
    const machine = oneLine(pod.spec?.nodeName ?? '');
    return `The machine ${machine} of its Pod does not answer, so nobody knows whether it has ended; remove the Node from the cluster if it is gone`;
  }
  return keptBy('Pod', pod.metadata) ?? 'Its Pod has been told to end, and has not ended yet';
}

function keptBy(kind: string, metadata: V1ObjectMeta | undefined): string | null {
  const foreign = (metadata?.finalizers ?? []).filter((finalizer) => !OF_THE_CLUSTER.has(finalizer));
  return foreign.length === 0 ? null : oneLine(`Its ${kind} is kept in the cluster by the finalizer ${foreign.join(', ')}`);
}
