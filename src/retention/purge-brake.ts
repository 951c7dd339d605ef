/**
 * How many deployments the background may purge now. A mistake that makes everything due at once then costs at most
 * `maxPerHour` in an hour, so that there is time to notice it; 0: no limit.
 */
export function allowedNow(maxPerHour: number, purgedLastHour: number): number {
  return maxPerHour === 0 ? Infinity : Math.max(0, maxPerHour - purgedLastHour);
}
