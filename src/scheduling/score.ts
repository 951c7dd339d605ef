import type { Resources } from '../common/resources';
import type { Candidate, ScoreParts } from './place.types';
import { latencyBetween, UNKNOWN_REGION_MS } from './region-latency';

export const SCORE_WEIGHTS = { free: 0.4, cpuIdle: 0.15, memoryIdle: 0.15, locality: 0.3 } as const;

/** Scores that are equal on paper are equal here too, whatever floating point made of the sums. */
const toMillionths = (value: number): number => Math.round(value * 1e6) / 1e6;

const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);
const idle = (usagePercent: number): number => 1 - Math.min(Math.max(usagePercent, 0), 100) / 100;

/** How good a node is for the next replica; `left` is what would stay free on it with that replica. */
export function score(node: Candidate, left: Resources, region: string): ScoreParts {
  const { capacity } = node;
  const latencyMs = latencyBetween(region, node.region);
  const free = (share(left.cpuCores, capacity.cpuCores) + share(left.memoryMb, capacity.memoryMb)) / 2;
  const cpuIdle = idle(node.cpuUsagePercent);
  const memoryIdle = idle(node.memoryUsagePercent);
  const locality = 1 - latencyMs / UNKNOWN_REGION_MS;
  const total =
    SCORE_WEIGHTS.free * free + SCORE_WEIGHTS.cpuIdle * cpuIdle + SCORE_WEIGHTS.memoryIdle * memoryIdle + SCORE_WEIGHTS.locality * locality;
  return {
    total: toMillionths(total),
    free: toMillionths(free),
    cpuIdle: toMillionths(cpuIdle),
    memoryIdle: toMillionths(memoryIdle),
    locality: toMillionths(locality),
    latencyMs,
  };
}
