const SECONDS = { s: 1, m: 60, h: 3600 } as const;
const MAX_SECONDS = 24 * 3600;

/** `600s`, `10m` or `1h` in seconds, from one second to 24 hours; null for everything else. */
export function parseKeepWarm(text: string): number | null {
  const [, count, unit] = /^([1-9]\d{0,4})([smh])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) return null;
  const seconds = Number(count) * SECONDS[unit as keyof typeof SECONDS];
  return seconds <= MAX_SECONDS ? seconds : null;
}
