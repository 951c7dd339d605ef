import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { DriverError, type StopOptions } from '../runtime-driver';
import type { Cluster } from './cluster';
import { objectName } from './labels';
import { observe, RAN_AT } from './observe';
import { releaseAfter } from './shared';
import { whyNotGone } from './why-not-gone';

const FIRST_LOOK_MS = 50;
const LAST_LOOK_MS = 1_000;
/** With 0 the cluster would forget the Pod before its machine has confirmed that nothing runs any more. */
const LEAST_GRACE_SECONDS = 1;
/** What takes so much longer than its grace time is told; whoever asked asks again. */
const LATE_MS = 10_000;

/**
 * Removes everything of a replica. Resolves when the cluster shows that its Job and all its Pods are gone. Throws `timeout` with the
 * reason when they are not long after the grace time. False: they were gone before, so nobody knows what it shared with others.
 */
export async function endReplica(cluster: Cluster, replicaId: string, options: StopOptions): Promise<boolean> {
  const name = objectName(replicaId);
  const { job = null, pods = [] } = (await cluster.shown(replicaId)) ?? {};
  const { labels } = (job ?? pods[0])?.metadata ?? {};
  // The Pods first: the cluster would give those of a removed Job their own grace time, and some engines do not shorten it.
  await endPods(cluster, pods, options.graceSeconds);
  await cluster.deleteJob(name);
  await untilGone(cluster, replicaId, options, () => cluster.job(name));
  if (labels === undefined) return false;
  await releaseAfter(cluster.objects, labels, cluster.hasJobs);
  return true;
}

/** Ends the Pod of a replica and keeps its Job with the time of the run, so that it can run again. */
export async function suspendReplica(cluster: Cluster, replicaId: string, options: StopOptions): Promise<void> {
  const shown = await cluster.shown(replicaId);
  if (shown?.job == null) return;
  const { phase, startedAt } = observe(shown);
  if (phase === 'exited') return;
  if (shown.job.spec?.suspend !== true) {
    const annotations = startedAt === null ? {} : { [RAN_AT]: startedAt.toISOString() };
    await cluster.patchJob(objectName(replicaId), { metadata: { annotations }, spec: { suspend: true } });
  }
  await untilGone(cluster, replicaId, options, () => Promise.resolve(null));
}

/** Waits for the Pods, and then for the Job if that is to go, too. */
const untilGone = (
  cluster: Cluster,
  replicaId: string,
  { graceSeconds, signal }: StopOptions,
  jobThatGoes: () => Promise<V1Job | null>,
): Promise<void> =>
  cluster.news.during(replicaId, async (news) => {
    const lateAt = performance.now() + graceSeconds * 1000 + LATE_MS;
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(LAST_LOOK_MS, wait * 1.5)) {
      const pods = await cluster.pods({ replicaId });
      await endPods(cluster, pods, graceSeconds);
      const job = pods.length === 0 ? await jobThatGoes() : null;
      if (pods.length === 0 && job === null) return;
      if (performance.now() > lateAt) throw new DriverError('timeout', whyNotGone(job, pods));
      // What is told of a Pod that ends as it was ordered to is no reason to look.
      let told: V1Pod | null;
      do told = await news.next(wait, signal);
      while (told !== null && !isLonger(told, leastGrace(graceSeconds)) && performance.now() < lateAt);
    }
  });

/** Orders each Pod to end once, unless an order that is under way is shorter already. */
async function endPods(cluster: Cluster, pods: readonly V1Pod[], graceSeconds: number): Promise<void> {
  const grace = leastGrace(graceSeconds);
  for (const pod of pods) if (isLonger(pod, grace)) await cluster.deletePod(pod.metadata?.name ?? '', grace);
}

const leastGrace = (graceSeconds: number): number => Math.max(LEAST_GRACE_SECONDS, Math.ceil(graceSeconds));

const isLonger = ({ metadata }: V1Pod, graceSeconds: number): boolean =>
  metadata?.deletionTimestamp === undefined || (metadata.deletionGracePeriodSeconds ?? 0) > graceSeconds;
