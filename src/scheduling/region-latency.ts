const SAME_REGION_MS = 5;
/** Also the upper end of the scale: a region this far away adds nothing to the score. */
export const UNKNOWN_REGION_MS = 200;

const REGIONS = [
  'us-east',
  'us-central',
  'us-west',
  'sa-east',
  'eu-west',
  'eu-central',
  'eu-north',
  'ap-south',
  'ap-southeast',
  'ap-northeast',
] as const;

/**
 * Round trips in ms, one row per region against those before it in REGIONS: half a table, so it cannot be asymmetric. Rough
 * estimates that rank regions, not measurements; longer ones are cut to UNKNOWN_REGION_MS.
 */
const ROUND_TRIPS: readonly (readonly number[])[] = [
  [],
  [30],
  [65, 40],
  [115, 140, 175],
  [75, 100, 135, 180],
  [90, 110, 150, 200, 25],
  [110, 125, 165, 200, 40, 25],
  [190, 200, 200, 200, 120, 110, 135],
  [200, 200, 170, 200, 175, 160, 180, 60],
  [150, 135, 100, 200, 200, 200, 200, 125, 70],
];

const INDEX = new Map<string, number>(REGIONS.map((region, index) => [region, index]));

/**
 * The estimated round trip in ms, the same in both directions. Equal names are one region even if the table does not have it.
 */
export function latencyBetween(a: string, b: string): number {
  if (a === b && a !== '') return SAME_REGION_MS;
  const first = INDEX.get(a);
  const second = INDEX.get(b);
  if (first === undefined || second === undefined) return UNKNOWN_REGION_MS;
  return ROUND_TRIPS[Math.max(first, second)]?.[Math.min(first, second)] ?? UNKNOWN_REGION_MS;
}
