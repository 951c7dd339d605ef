import type { V1ContainerState, V1Job, V1ObjectMeta, V1Pod, V1Probe } from '@kubernetes/client-node';
import { familiarName, parseImageReference } from '../../engines/image-reference';
import { COMMAND_REFUSALS, refusalIn } from '../command-refusal';
import { exitReason } from '../exit-reason';
import { digestIn } from '../image-digest';
import { oneLine } from '../one-line';
import type { ObservedWorkload, PublishedPort, WorkloadOrigin } from '../runtime-driver';
import { CHECK_FAILS, probeOf } from './check-words';
import { CONTAINER } from './job-manifest';
import { LABEL, MADE_OF } from './labels';

/** On a suspended Job: when the run began that the suspension has ended. The Pod that told it is gone by then. */
export const RAN_AT = 'fog-compute/ran-at';

/** What a cluster shows of one replica: its Job, and the Pods of that Job, which are more than one only while one goes. */
export interface Shown {
  readonly job: V1Job | null;
  readonly pods: readonly V1Pod[];
}

type State = Pick<ObservedWorkload, 'phase' | 'hasRun' | 'startedAt' | 'exitCode' | 'reason' | 'outOfReach'>;

const STARTING: State = { phase: 'starting', hasRun: false, startedAt: null, exitCode: null, reason: null };

/**
 * Reads a workload from its Job and Pods. The Job is the workload, and its uid what is shown as the container's id: it stays the
 * same over a suspension, and a Pod does not.
 */
export function observe({ job, pods }: Shown, now = new Date()): ObservedWorkload {
  const pod = liveliest(pods);
  const { labels = {}, uid = '' } = (job ?? pod)?.metadata ?? {};
  return {
    replicaId: labels[LABEL.replica] ?? '',
    deploymentId: labels[LABEL.deployment] ?? '',
    containerId: uid,
    ...stateOf(job, pod, now),
    upSeconds: null,
    publishedPorts: pod ? portsOf(pod) : [],
    origin: originOf((job ?? pod)?.metadata ?? {}),
  };
}

/** Labels and annotations may have been written by hand, so each may be missing or be anything. */
function originOf({ name = '', creationTimestamp, labels = {}, annotations = {} }: V1ObjectMeta): WorkloadOrigin {
  const generation = labels[LABEL.generation] ?? '';
  return {
    name,
    image: annotations[MADE_OF.image] ?? null,
    createdAt: creationTimestamp ?? null,
    generation: /^\d{1,9}$/.test(generation) ? Number(generation) : null,
    specDigest: annotations[MADE_OF.spec] ?? null,
    imageDigest: annotations[MADE_OF.imageDigest] ?? null,
  };
}

const liveliest = (pods: readonly V1Pod[]): V1Pod | null => pods.find((pod) => stateIn(pod)?.running) ?? pods.at(-1) ?? null;

function stateOf(job: V1Job | null, pod: V1Pod | null, now: Date): State {
  if (pod === null) return withoutPod(job);
  const state = stateIn(pod);
  if (state?.running) return isGivenUp(pod) ? givenUpState(state) : runningState(pod, state, now);
  if (state?.terminated) return endedState(pod, state);
  return isFinished(pod) ? { ...STARTING, phase: 'exited', reason: disruption(pod) ?? refusal(pod) } : STARTING;
}

/** The digest of the image that a Pod runs; null when its machine knows of none, such as of an image that was brought there by hand. */
export function digestOf(pod: V1Pod, image: string): string | null {
  const { imageID = '' } = pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER) ?? {};
  const reference = parseImageReference(imageID);
  return reference?.digest == null ? null : digestIn({ names: [familiarName(reference)] }, image);
}

const stateIn = (pod: V1Pod): V1ContainerState | undefined => pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER)?.state;

/**
 * The machine of a Pod has fallen silent: the cluster takes the Pod for not ready, though its containers were when last seen. Nobody
 * knows whether they run.
 */
export function isMachineSilent({ spec, status }: V1Pod): boolean {
  const is = (wanted: string): string | undefined => status?.conditions?.find(({ type }) => type === wanted)?.status;
  return (spec?.readinessGates ?? []).length === 0 && is('Ready') === 'False' && is('ContainersReady') === 'True';
}

/** The cluster waits for a silent machine for a while, by default five minutes, before it orders its Pods to end. */
const isGivenUp = (pod: V1Pod): boolean => pod.metadata?.deletionTimestamp !== undefined && isMachineSilent(pod);

const givenUpState = ({ running }: V1ContainerState): State => ({
  phase: 'unhealthy',
  hasRun: true,
  startedAt: running?.startedAt ?? null,
  exitCode: null,
  reason: 'Its machine in the cluster does not answer',
  outOfReach: true,
});

const isFinished = ({ status }: V1Pod): boolean => status?.phase === 'Failed' || status?.phase === 'Succeeded';

/** A Job without its Pod has run, as far as anybody can tell: Pods are removed by hand and by machines that are taken away. */
const WITHOUT_POD: State = {
  phase: 'exited',
  hasRun: true,
  startedAt: null,
  exitCode: null,
  reason: 'Its Pod was removed from the cluster',
};

/**
 * A Job that is being removed is no end: `startReplica` removes what cannot be started, and says why only then. What is removed by hand
 * has vanished soon.
 */
function withoutPod(job: V1Job | null): State {
  if (job === null || job.metadata?.deletionTimestamp) return STARTING;
  // Of one that is complete nobody knows any more whether it ended by itself or obeyed whoever removed its Pod.
  const isOver = job.status?.conditions?.some(({ type, status }) => ['Failed', 'Complete'].includes(type) && status === 'True') === true;
  return isOver ? WITHOUT_POD : (suspendedState(job) ?? STARTING);
}

function suspendedState(job: V1Job): State | null {
  const ranAt = job.metadata?.annotations?.[RAN_AT];
  const { suspend, parallelism } = job.spec ?? {};
  if (suspend === true && ranAt !== undefined) {
    return { phase: 'exited', hasRun: true, startedAt: new Date(ranAt), exitCode: null, reason: 'Suspended' };
  }
  if (suspend !== true && parallelism !== 0) return null;
  return { ...STARTING, phase: 'exited', reason: 'Somebody has suspended its Job in the cluster' };
}

function runningState(pod: V1Pod, { running }: V1ContainerState, now: Date): State {
  const startedAt = running?.startedAt ?? null;
  const run = { hasRun: true, startedAt, exitCode: null, reason: null };
  const probe = probeOf(pod);
  const ready = pod.status?.conditions?.find(({ type }) => type === 'ContainersReady');
  if (probe === undefined || ready?.status === 'True') return { ...run, phase: 'running' };
  // A container that was never ready is not yet unhealthy: its condition has not changed since before it ran.
  const changedAt = ready?.lastTransitionTime;
  const wasNeverReady = startedAt === null || changedAt === undefined || changedAt.getTime() <= startedAt.getTime() + FIRST_LOOK_MS;
  if (wasNeverReady && (startedAt === null || now.getTime() <= startedAt.getTime() + mostCheckMs(probe))) {
    return { ...run, phase: 'starting' };
  }
  return { ...run, phase: 'unhealthy', reason: CHECK_FAILS };
}

/** The kubelet writes the condition of a new container within this time, by its clock of whole seconds. */
const FIRST_LOOK_MS = 1_000;
/** By so much the clocks of the machines may differ from the one here, and so late a cluster may tell what a machine has found. */
const LATE_MS = 5_000;

/** A cluster leaves a container that is never ready as it is. After so many failures a check has failed elsewhere. */
function mostCheckMs({ initialDelaySeconds = 0, periodSeconds = 10, timeoutSeconds = 1, failureThreshold = 3 }: V1Probe): number {
  return (initialDelaySeconds + failureThreshold * periodSeconds + timeoutSeconds) * 1000 + LATE_MS;
}

function endedState(pod: V1Pod, { terminated }: V1ContainerState): State {
  const { exitCode: code = 0, reason: word = '', message = '', startedAt = null } = terminated ?? {};
  const began = startedAt !== null && startedAt.getTime() > 0;
  const refused = word === 'StartError' || word === 'ContainerCannotRun';
  const memory = pod.spec?.containers.find(({ name }) => name === CONTAINER)?.resources?.limits?.memory;
  const memoryMb = memory?.endsWith('Mi') ? parseInt(memory, 10) : null;
  const forced = forcedEnd(pod, code);
  return {
    phase: 'exited',
    hasRun: began && !refused,
    startedAt: began && !refused ? startedAt : null,
    exitCode: forced !== null && code === 0 ? null : code,
    reason: refused
      ? (refusalIn(COMMAND_REFUSALS, message)?.[1] ?? 'Could not be started')
      : (forced ?? exitReason({ code, outOfMemory: word === 'OOMKilled', memoryMb })),
  };
}

/** Why a Pod has ended that did not end by itself. One that obeys SIGTERM with exit code 0 has not done its work for that. */
const forcedEnd = (pod: V1Pod, code: number): string | null =>
  disruption(pod) ?? (code === 0 && pod.metadata?.deletionTimestamp !== undefined ? WITHOUT_POD.reason : null);

/** Why the cluster itself has ended the Pod, in its own words: an eviction, a machine that was drained or is gone. */
function disruption({ status }: V1Pod): string | null {
  if (status?.reason === 'Evicted') return oneLine(`Evicted from its machine: ${status.message ?? ''}`);
  const found = status?.conditions?.find(({ type, status: is }) => type === 'DisruptionTarget' && is === 'True');
  return found === undefined ? null : oneLine(`Ended by the cluster: ${found.message ?? found.reason ?? ''}`);
}

/** Why a Pod has ended whose container never ran: its machine has refused it, such as for want of room, and says so. */
function refusal({ status }: V1Pod): string {
  const { reason, message } = status ?? {};
  if (reason === undefined && message === undefined) return 'Ended before its container ran';
  return oneLine(`Its machine has refused it: ${[reason, message].filter((each) => each !== undefined).join(': ')}`);
}

/** The ports of a Pod are reached at its own address, where the network of the cluster lets them be reached. */
function portsOf(pod: V1Pod): PublishedPort[] {
  const hostIp = pod.status?.podIP;
  if (hostIp === undefined || !stateIn(pod)?.running) return [];
  const ports = pod.spec?.containers.find(({ name }) => name === CONTAINER)?.ports ?? [];
  return ports.map(({ containerPort, protocol }) => ({
    containerPort,
    hostIp,
    hostPort: containerPort,
    protocol: protocol === 'UDP' ? 'udp' : 'tcp',
  }));
}
