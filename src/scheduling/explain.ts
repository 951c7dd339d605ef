import type { FleetNode } from '../engines/fleet-node';
import { RESOURCE_DIMENSIONS, toCores, type LargestMachine, type ResourceDimension } from '../engines/resources';
import type { OpenNodes } from './open-nodes';
import type { ExplainedCandidate, Placement, PlacementExplanation, PlacementRequest, RejectedNode, Shortage } from './place.types';
import { score } from './score';

/** Explanations are stored with every placement, so each names only so many of the chosen nodes and of the best others. */
export const EXPLAINED_CHOSEN = 20;
export const EXPLAINED_OTHERS = 4;

const WORDS: Readonly<Record<ResourceDimension, { readonly name: string; readonly one: string; readonly many: string }>> = {
  cpuCores: { name: 'cpu', one: 'core', many: 'cores' },
  memoryMb: { name: 'memory', one: 'MB', many: 'MB' },
  gpuUnits: { name: 'gpu', one: 'unit', many: 'units' },
  storageGb: { name: 'storage', one: 'GB', many: 'GB' },
};

const amount = (dimension: ResourceDimension, value: number): string =>
  `${value} ${value === 1 ? WORDS[dimension].one : WORDS[dimension].many}`;
const nodes = (count: number): string => `${count} ${count === 1 ? 'node' : 'nodes'}`;

/** To be called after the choice, when the open nodes know how many replicas each of them got. */
export function explain(request: PlacementRequest, open: OpenNodes, placed: number): PlacementExplanation {
  return {
    strategy: request.strategy,
    requested: request.replicas,
    placed,
    nodesTotal: open.fleet.size,
    nodesConsidered: open.considered,
    sampled: open.considered < open.fleet.size,
    nodesWithCapacity: open.slots,
    nodesRejected: open.rejected,
    nodesUnavailable: open.unavailable,
    nodesTaken: open.taken + (request.strategy === 'distinct' ? placed : 0),
    candidates: explainedSlots(open).map((slot) => explained(open, slot)),
    rejected: open.rejections.map((place) => rejection(open, place)),
    shortages: placed < request.replicas ? shortagesOf(open) : [],
  };
}

/** Chosen nodes first, then the best others, each by its score before the placement. */
function explainedSlots(open: OpenNodes): number[] {
  const chosen = new Best(EXPLAINED_CHOSEN, open.places);
  const others = new Best(EXPLAINED_OTHERS, open.places);
  for (let slot = 0; slot < open.slots; slot++) {
    const total = open.firstTotal(slot);
    const best = open.placed[slot] === 0 ? others : chosen;
    if (total >= best.threshold) best.add(slot, total);
  }
  return [...chosen.slots, ...others.slots];
}

/** The best of the added slots, best first; equal scores are ordered by id. */
class Best {
  readonly slots: number[] = [];
  private readonly totals: number[] = [];
  /** A slot with a score below this is not among the best. */
  threshold = -Infinity;

  constructor(
    private readonly limit: number,
    private readonly ties: Int32Array,
  ) {}

  add(slot: number, total: number): void {
    let index = Math.min(this.slots.length, this.limit - 1);
    if (this.slots.length === this.limit && !this.isBetter(slot, total, index)) return;
    for (; index > 0 && this.isBetter(slot, total, index - 1); index--) {
      this.slots[index] = this.slots[index - 1] ?? 0;
      this.totals[index] = this.totals[index - 1] ?? 0;
    }
    this.slots[index] = slot;
    this.totals[index] = total;
    if (this.slots.length === this.limit) this.threshold = this.totals[this.limit - 1] ?? 0;
  }

  private isBetter(slot: number, total: number, index: number): boolean {
    const other = this.totals[index] ?? 0;
    return total > other || (total === other && (this.ties[slot] ?? 0) < (this.ties[this.slots[index] ?? 0] ?? 0));
  }
}

function explained(open: OpenNodes, slot: number): ExplainedCandidate {
  const place = open.places[slot] ?? -1;
  const node = nodeAt(open, place);
  return {
    nodeId: node.id,
    nodeName: node.name,
    score: score(node, open.fleet.leftOn(place, open.each, 1), open.request.region),
    replicas: open.placed[slot] ?? 0,
  };
}

function rejection(open: OpenNodes, place: number): RejectedNode {
  const node = nodeAt(open, place);
  const reasons = node.unavailable === null ? [] : [node.unavailable];
  if (!open.canHold(open.ownOn(place))) reasons.push('already holds a replica of this deployment');
  const free = open.fleet.leftOn(place, open.each, 0);
  for (const dimension of RESOURCE_DIMENSIONS) {
    const needed = toCores(open.request.perReplica[dimension]);
    if (free[dimension] >= needed) continue;
    // A node whose capacity was lowered below its reservations has nothing free; it does not show a negative amount.
    const words = `${amount(dimension, needed)} needed, ${Math.max(0, free[dimension])} free`;
    const where = isOfMachine(dimension) && (node.largestMachine?.[dimension] ?? Infinity) < needed ? ' on its largest machine' : '';
    reasons.push(`${WORDS[dimension].name}: ${words}${where}`);
  }
  return { nodeId: node.id, nodeName: node.name, reasons };
}

const isOfMachine = (dimension: ResourceDimension): dimension is keyof LargestMachine =>
  dimension === 'cpuCores' || dimension === 'memoryMb';

const nodeAt = (open: OpenNodes, place: number): FleetNode => {
  const node = open.fleet.nodes[place];
  if (!node) throw new Error('An explained node is not in the fleet');
  return node;
};

/** Why a placement fell short: a sentence such as `Insufficient nodes: need 3, found 1 with capacity`, and what was short. */
export function shortfall(
  opening: string,
  { explanation }: Pick<Placement, 'explanation'>,
): { readonly sentence: string; readonly shortages: readonly string[] } {
  const { requested, placed, nodesTotal, nodesTaken, nodesUnavailable, shortages, volumes } = explanation;
  const parts = shortageTexts(shortages);
  if (nodesTaken > 0) {
    parts.push(`${nodes(nodesTaken)} already ${nodesTaken === 1 ? 'holds' : 'hold'} a replica of this deployment`);
  }
  if (nodesUnavailable > 0) parts.push(`${nodes(nodesUnavailable)} not available (offline or in maintenance)`);
  if (nodesTotal === 0) parts.push('there are no nodes');
  if (volumes !== undefined) parts.push(volumes);
  return { sentence: `${opening}: need ${requested}, found ${placed} with capacity`, shortages: parts };
}

/** The same in one text. */
export function shortfallText(opening: string, placement: Pick<Placement, 'explanation'>): string {
  const { sentence, shortages } = shortfall(opening, placement);
  return [sentence, ...shortages].join('; ');
}

/**
 * What is short is measured after the placement, over the nodes that could hold another replica. A placement falls short only
 * if all nodes were looked at.
 */
function shortagesOf(open: OpenNodes): Shortage[] {
  const placed = new Map(Array.from(open.places.subarray(0, open.slots), (place, slot) => [place, open.placed[slot] ?? 0]));
  const { fleet, each } = open;
  const shortages = RESOURCE_DIMENSIONS.map((dimension) => ({
    dimension,
    needed: toCores(open.request.perReplica[dimension]),
    largestFree: 0,
    nodesShort: 0,
  }));
  for (let place = 0; place < fleet.size; place++) {
    const here = placed.get(place) ?? 0;
    if (fleet.isAvailable[place] !== 1 || !open.canHold(open.ownOn(place) + here)) continue;
    const free = fleet.leftOn(place, each, here);
    for (const shortage of shortages) {
      shortage.largestFree = Math.max(shortage.largestFree, free[shortage.dimension]);
      if (free[shortage.dimension] < shortage.needed) shortage.nodesShort += 1;
    }
  }
  return shortages.filter(({ nodesShort }) => nodesShort > 0);
}

/** A dimension that is short on every node explains the shortfall alone. Otherwise different nodes lack different things. */
function shortageTexts(shortages: readonly Shortage[]): string[] {
  const everywhere = shortages.filter((shortage) => shortage.largestFree < shortage.needed);
  if (everywhere.length > 0) {
    return everywhere.map(
      ({ dimension, needed, largestFree }) =>
        `${WORDS[dimension].name}: ${amount(dimension, needed)} needed per replica, at most ${amount(dimension, largestFree)} free on a node`,
    );
  }
  return shortages.map(
    ({ dimension, needed, nodesShort }) =>
      `${WORDS[dimension].name}: ${amount(dimension, needed)} needed per replica, not free on ${nodes(nodesShort)}`,
  );
}
