import type { V1Pod } from '@kubernetes/client-node';
import { oneLine } from '../one-line';
import { DriverError, type EnsureOptions, type WorkloadSpec } from '../runtime-driver';
import type { Cluster } from './cluster';
import { makeClaims, requireOnlyWriter } from './claims';
import { jobFor, type JobPlace } from './job-manifest';
import { objectName } from './labels';
import { digestOf, observe, RAN_AT, type Shown } from './observe';
import { endReplica } from './end';
import { keepShared, sharedOf } from './shared';
import type { NewsWait } from './replica-news';
import { startTrouble } from './start-trouble';

const FIRST_LOOK_MS = 100;
const LAST_LOOK_MS = 1_000;
/** How long a Job may be without its Pod before the cluster is asked why. */
const POD_DUE_MS = 2_000;

type Options = Pick<EnsureOptions, 'signal' | 'onProgress' | 'resumeRunAt' | 'chooseDigest'> & {
  /** For so long no machine, quota or policy of the cluster may take the Pod; then the replica is for another node. */
  readonly patienceMs: number;
};

/**
 * Makes the Job of a replica if there is none, resumes it if it was suspended in the run that is named, and waits until its container
 * has been started or cannot be. What cannot be started is removed again, and so is what turns out to run another image than the first
 * replica of its revision: it is made anew, by the digest.
 */
export async function startReplica(cluster: Cluster, spec: WorkloadSpec, place: JobPlace, options: Options): Promise<void> {
  const pod = await startOnce(cluster, spec, place, options);
  const digest = pod && spec.imageDigest == null && options.chooseDigest ? digestOf(pod, spec.image) : null;
  if (digest === null) return;
  const chosen = await options.chooseDigest?.(digest);
  if (chosen === undefined || chosen === digest) return;
  await endReplica(cluster, spec.replicaId, { graceSeconds: 0, signal: options.signal });
  await startOnce(cluster, { ...spec, imageDigest: chosen }, place, options);
}

/** Gives the Pod that has been started, as far as there is one. */
const startOnce = (cluster: Cluster, spec: WorkloadSpec, place: JobPlace, options: Options): Promise<V1Pod | null> =>
  cluster.news.during(spec.replicaId, (news) => start(cluster, spec, place, { ...options, news }));

async function start(cluster: Cluster, spec: WorkloadSpec, place: JobPlace, options: Options & { news: NewsWait }): Promise<V1Pod | null> {
  const shown = await findOrMake(cluster, spec, place);
  if (shown !== null) {
    const { phase, startedAt } = observe(shown);
    if (phase === 'exited' && shown.job?.spec?.suspend === true && isSameRun(startedAt, options.resumeRunAt)) {
      await requireOnlyWriter(cluster, spec);
      await cluster.patchJob(objectName(spec.replicaId), { metadata: { annotations: { [RAN_AT]: null } }, spec: { suspend: false } });
    } else if (phase !== 'starting') return shown.pods.at(-1) ?? null;
    await keepShared(cluster.objects, sharedOf(spec, place.installationId)); // the attempt that made it may have ended before that
  }
  return asked(() => untilStarted(cluster, spec, options));
}

/** It may be under way in the cluster, so that an API server which fails now and then is no reason to begin elsewhere. */
async function asked<T>(look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof DriverError) || error.failure !== 'timeout') throw error;
    throw new DriverError('unreachable', error.message, { cause: error });
  }
}

/** Makes the Job, and gives null, unless there is one, or a Pod of one that is gone. */
async function findOrMake(cluster: Cluster, spec: WorkloadSpec, place: JobPlace): Promise<Shown | null> {
  const { replicaId } = spec;
  const pods = await asked(() => cluster.pods({ replicaId }));
  if (pods.length > 0) return asked(() => cluster.shown(replicaId, pods));
  const job = jobFor(spec, place);
  const shared = sharedOf(spec, place.installationId);
  await keepShared(cluster.objects, shared, { unlessSeen: true });
  await makeClaims(cluster.objects, spec, place);
  await requireOnlyWriter(cluster, spec);
  const isMade = (await cluster.createJob(job)) !== null;
  if (isMade) await keepShared(cluster.objects, shared);
  return isMade ? null : asked(() => cluster.shown(replicaId));
}

const isSameRun = (startedAt: Date | null, wanted: Date | null | undefined): boolean =>
  startedAt !== null && startedAt.getTime() === wanted?.getTime();

async function untilStarted(
  cluster: Cluster,
  spec: WorkloadSpec,
  { signal, onProgress, patienceMs, news }: Options & { news: NewsWait },
): Promise<V1Pod | null> {
  const begun = performance.now();
  let told = '';
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(LAST_LOOK_MS, wait * 1.5)) {
    const pod = (await news.next(wait, signal)) ?? (await cluster.pods({ replicaId: spec.replicaId }, { fresh: false })).at(-1);
    const waited = performance.now() - begun;
    let words: string | null = null;
    let refused = false;
    if (pod !== undefined) {
      if (observe({ job: null, pods: [pod] }).hasRun || isOver(pod.status?.phase)) return pod;
      const trouble = startTrouble(pod, spec.image);
      if (trouble.failure !== null) return giveUp(cluster, spec, trouble.failure, signal);
      ({ words, unschedulable: refused } = trouble);
    } else if (waited > POD_DUE_MS) {
      const shown = await cluster.shown(spec.replicaId);
      if (shown === null || observe(shown).phase !== 'starting') return shown?.pods.at(-1) ?? null;
      words = await whyNoPod(cluster, shown);
      refused = words !== null;
    }
    if (refused && words !== null && waited > patienceMs) return giveUp(cluster, spec, new DriverError('unfit', words), signal);
    if (words !== null && words !== told) onProgress(words);
    told = words ?? told;
  }
}

const isOver = (phase: string | undefined): boolean => phase === 'Failed' || phase === 'Succeeded';

async function giveUp(cluster: Cluster, { replicaId }: WorkloadSpec, failure: DriverError, signal: AbortSignal): Promise<never> {
  await endReplica(cluster, replicaId, { graceSeconds: 0, signal });
  throw failure;
}

/** A quota that is full, or a policy that refuses the Pod, in the words of the cluster. */
async function whyNoPod(cluster: Cluster, { job }: Shown): Promise<string | null> {
  const refusal = (await cluster.events(job?.metadata?.uid ?? '')).findLast(({ reason }) => reason === 'FailedCreate');
  return refusal === undefined ? null : oneLine(`The cluster refuses the Pod: ${refusal.message ?? ''}`);
}
