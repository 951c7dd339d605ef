import type { ObservedWorkload, PublishedPort } from '../runtime/runtime-driver';

/** What is recorded of the run of a container. */
export interface RecordedRun {
  /** How long ago it was recorded to have begun, in seconds; null while none is recorded. */
  readonly startedSecondsAgo: number | null;
  /** When it began by the engine's clock; null when that is not known. */
  readonly runAt: Date | null;
  readonly paused: boolean;
  readonly published: readonly PublishedPort[];
}

/** Lengths of time are rounded on their way, and two clocks do not tick alike. */
const SLACK_SECONDS = 1.5;

/**
 * True when what is shown cannot be the recorded run, as after a restart by hand. Compares lengths of time or two times of the
 * engine, never a time of the engine with one of ours: their clocks may differ by hours.
 */
function isOtherRun(shown: ObservedWorkload, { runAt, startedSecondsAgo }: RecordedRun): boolean {
  if (shown.startedAt !== null) return shown.startedAt.getTime() !== runAt?.getTime();
  return shown.upSeconds !== null && startedSecondsAgo !== null && startedSecondsAgo > shown.upSeconds + SLACK_SECONDS;
}

/** True when what is recorded of a running replica is no longer what its engine shows: the run, the host ports, a pause. */
export const isOutdated = (shown: ObservedWorkload, recorded: RecordedRun): boolean =>
  isOtherRun(shown, recorded) ||
  (shown.phase === 'paused') !== recorded.paused ||
  portsText(shown.publishedPorts) !== portsText(recorded.published);

/** Engines list ports in no order. */
const portsText = (ports: readonly PublishedPort[]): string =>
  ports
    .map(({ containerPort, protocol, hostIp, hostPort }) => `${containerPort}/${protocol} ${hostIp} ${hostPort}`)
    .sort()
    .join();
