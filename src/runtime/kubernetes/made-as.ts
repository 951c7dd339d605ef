/** Maps in which one entry more changes what is meant. */
const WHOLE = new Set(['selector', 'matchLabels']);

/**
 * Whether an object of a cluster has everything that was wanted, where clusters add members of their own: defaults, times, addresses.
 * Lists and selectors have to be exactly as wanted.
 */
export function isMadeAs(live: unknown, wanted: unknown, isWhole = false): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(live) && live.length === wanted.length && wanted.every((each, index) => isMadeAs(live[index], each));
  }
  if (!isMapping(wanted)) return live === wanted;
  if (!isMapping(live) || (isWhole && Object.keys(live).length !== Object.keys(wanted).length)) return false;
  return Object.entries(wanted).every(([key, value]) => isMadeAs(live[key], value, WHOLE.has(key)));
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
