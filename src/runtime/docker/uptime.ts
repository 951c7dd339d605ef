const SECONDS: Readonly<Record<string, number>> = { second: 1, minute: 60, hour: 3_600, day: 86_400 };
/** `Up 5 seconds (healthy)`, `Up About a minute`: how Docker tells, to the nearest unit, how long a container has been running. */
const UPTIME = /^Up (?:(?<count>\d+)|(?:About|Less than) an?) (?<unit>second|minute|hour|day)s?(?: |$)/;

/**
 * How many seconds the container has been running at most, as its status in the list tells it; null when that does not tell.
 * The text is all that a list has about the run, and it does not depend on our clock.
 */
export function mostSecondsUp(status: string): number | null {
  const { count = '1', unit = '' } = UPTIME.exec(status)?.groups ?? {};
  const seconds = SECONDS[unit];
  return seconds === undefined ? null : (Number(count) + 1) * seconds;
}

const ENDED_LATELY = /^Exited \(\d+\) Less than a second ago$/;

/** Whether a run has ended within the last second, as the status of its container in the list tells it by the engine's clock. */
export const endedLately = (status: string): boolean => ENDED_LATELY.test(status);
