import type { FleetNode } from '../engines/fleet-node';
import type { Resources, Usage } from '../engines/resources';
import type { ScoreParts } from './place.types';
import { latencyBetween, UNKNOWN_REGION_MS } from './region-latency';

export const SCORE_WEIGHTS = { free: 0.4, cpuIdle: 0.15, memoryIdle: 0.15, locality: 0.3 } as const;

/**
 * Scores are counted in millionths, so that scores that are equal on paper stay equal whatever floating point makes of the
 * sums.
 */
export const MILLIONTHS = 1e6;
const toMillionths = (value: number): number => Math.round(value * MILLIONTHS) / MILLIONTHS;

const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);
const idle = (usagePercent: number): number => 1 - Math.min(Math.max(usagePercent, 0), 100) / 100;

export const localityOf = (latencyMs: number): number => 1 - latencyMs / UNKNOWN_REGION_MS;

/** The mean free share of CPU and memory. Any unit will do, as long as what is left and the capacity use the same one. */
export const freeShare = (cpuLeft: number, cpuCapacity: number, memoryLeft: number, memoryCapacity: number): number =>
  (share(cpuLeft, cpuCapacity) + share(memoryLeft, memoryCapacity)) / 2;

/** What a node's usage contributes to its score, whatever is placed on it. */
export const idlePart = (node: Usage): number =>
  SCORE_WEIGHTS.cpuIdle * idle(node.cpuUsagePercent) + SCORE_WEIGHTS.memoryIdle * idle(node.memoryUsagePercent);

/** The score in millionths, from parts that are known already; it ranks the nodes. */
export const totalOf = (free: number, idleness: number, locality: number): number =>
  Math.round((SCORE_WEIGHTS.free * free + idleness + SCORE_WEIGHTS.locality * locality) * MILLIONTHS);

/** How good a node is for the next replica, part by part; `left` is what would stay free on it with that replica. */
export function score(node: Omit<FleetNode, 'reserved' | 'unavailable'>, left: Resources, region: string): ScoreParts {
  const { capacity } = node;
  const latencyMs = latencyBetween(region, node.region);
  const free = freeShare(left.cpuCores, capacity.cpuCores, left.memoryMb, capacity.memoryMb);
  const locality = localityOf(latencyMs);
  return {
    total: totalOf(free, idlePart(node), locality) / MILLIONTHS,
    free: toMillionths(free),
    cpuIdle: toMillionths(idle(node.cpuUsagePercent)),
    memoryIdle: toMillionths(idle(node.memoryUsagePercent)),
    locality: toMillionths(locality),
    latencyMs,
  };
}
