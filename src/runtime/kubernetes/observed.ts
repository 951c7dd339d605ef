import type { V1Job, V1Pod } from '@kubernetes/client-node';
import type { ObservedWorkload } from '../runtime-driver';
import { CHECK_FAILS, checkWords, probeOf } from './check-words';
import type { Cluster } from './cluster';
import { LABEL, objectName } from './labels';
import { observe, type Shown } from './observe';

/** Of so many failed health checks a look asks why; each is a call. */
const MOST_EXPLAINED = 20;

/**
 * The workloads of the installation, or of one deployment, but for those of `others`: several nodes may be parts of one cluster. What was
 * made for a node that is no more is shown by each of them.
 */
export async function listed(
  cluster: Cluster,
  filter: { deploymentId?: string },
  others: ReadonlySet<string>,
): Promise<readonly ObservedWorkload[]> {
  // The Jobs first: a Pod that comes after them has a Job that the next list shows.
  const jobs = await cluster.jobs(filter);
  const shown = byReplica(jobs, await cluster.pods(filter));
  return observed(
    cluster,
    shown.filter(({ job, pods }) => !others.has((job ?? pods[0])?.metadata?.labels?.[LABEL.node] ?? '')),
  );
}

/** A first health check that fails too often is told by no change. */
export const isAwaitingCheck = (workloads: readonly ObservedWorkload[]): boolean =>
  workloads.some(({ phase, hasRun }) => phase === 'starting' && hasRun);

/** What is shown of replicas, and of those that have failed their health check the words of their machines, for some at a time. */
export async function observed(cluster: Cluster, shown: readonly Shown[]): Promise<ObservedWorkload[]> {
  const now = new Date();
  const workloads = shown.map((each) => observe(each, now));
  const unwell = workloads.flatMap((workload, index) => (workload.reason === CHECK_FAILS ? [{ workload, index }] : []));
  await Promise.all(
    unwell.slice(0, MOST_EXPLAINED).map(async ({ workload, index }) => {
      const pod = shown[index]?.pods.at(-1);
      const reason = pod && (await whyUnwell(cluster, pod));
      if (reason !== undefined) workloads[index] = { ...workload, reason };
    }),
  );
  return workloads;
}

async function whyUnwell(cluster: Cluster, pod: V1Pod): Promise<string | undefined> {
  // Words are worth a question, and nobody waits in vain for want of them.
  const events = await cluster.events(pod.metadata?.uid ?? '').catch(() => []);
  const told = events.findLast(({ reason }) => reason === 'Unhealthy')?.message;
  return told === undefined ? undefined : checkWords(probeOf(pod), told);
}

function byReplica(jobs: readonly V1Job[], pods: readonly V1Pod[]): Shown[] {
  const shown = new Map<string, { job: V1Job | null; pods: V1Pod[] }>();
  for (const job of jobs) {
    const id = job.metadata?.labels?.[LABEL.replica] ?? '';
    if (job.metadata?.name === objectName(id)) shown.set(id, { job, pods: [] });
  }
  for (const pod of pods) {
    const id = pod.metadata?.labels?.[LABEL.replica] ?? '';
    const found = shown.get(id);
    if (found) found.pods.push(pod);
    else shown.set(id, { job: null, pods: [pod] });
  }
  return [...shown.values()];
}
