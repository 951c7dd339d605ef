import { RESOURCE_DIMENSIONS, toCores, type ResourceDimension } from '../common/resources';
import { isTaken, type NodeState, type OpenNode } from './node-state';
import type { Placement, PlacementExplanation, PlacementRequest, Shortage } from './place.types';

/** Explanations are stored with every placement, so their lists stay short on a large fleet. */
export const EXPLAINED_NODES = 20;

const WORDS: Readonly<Record<ResourceDimension, { readonly name: string; readonly one: string; readonly many: string }>> = {
  cpuCores: { name: 'cpu', one: 'core', many: 'cores' },
  memoryMb: { name: 'memory', one: 'MB', many: 'MB' },
  gpuUnits: { name: 'gpu', one: 'unit', many: 'units' },
  storageGb: { name: 'storage', one: 'GB', many: 'GB' },
};

const amount = (dimension: ResourceDimension, value: number): string =>
  `${value} ${value === 1 ? WORDS[dimension].one : WORDS[dimension].many}`;
const nodes = (count: number): string => `${count} ${count === 1 ? 'node' : 'nodes'}`;

const neededOf = (request: PlacementRequest, dimension: ResourceDimension): number => toCores(request.perReplica[dimension]);
/** A node whose capacity was lowered below its reservations has nothing free, not less than nothing. */
const freeOn = (state: NodeState, dimension: ResourceDimension): number => Math.max(0, state.free[dimension]);

/** Call it after the choice: `opened` nodes know what they were given, `rejected` ones could take nothing from the start. */
export function explain(request: PlacementRequest, opened: readonly OpenNode[], rejected: readonly NodeState[]): PlacementExplanation {
  const all: readonly NodeState[] = [...opened, ...rejected];
  const available = all.filter((state) => state.node.unavailable === null);
  const untaken = available.filter((state) => !isTaken(state, request));
  const placed = opened.reduce((sum, state) => sum + state.placed, 0);
  return {
    strategy: request.strategy,
    requested: request.replicas,
    placed,
    nodesConsidered: all.length,
    nodesWithCapacity: opened.length,
    nodesRejected: rejected.length,
    nodesUnavailable: all.length - available.length,
    nodesTaken: available.length - untaken.length,
    candidates: firstOf(opened, chosenThenScore).map((state) => ({
      nodeId: state.node.id,
      nodeName: state.node.name,
      score: state.firstScore,
      replicas: state.placed,
    })),
    rejected: firstOf(rejected, byId).map((state) => ({
      nodeId: state.node.id,
      nodeName: state.node.name,
      reasons: rejectionReasons(state, request),
    })),
    shortages: placed < request.replicas ? shortagesOf(request, untaken) : [],
  };
}

/** The sentence for a placement that fell short, e.g. `Insufficient nodes: need 3, found 1 with capacity; memory: …`. */
export function shortfallText(opening: string, { explanation }: Pick<Placement, 'explanation'>): string {
  const { requested, placed, nodesConsidered, nodesTaken, nodesUnavailable, shortages } = explanation;
  const parts = [`${opening}: need ${requested}, found ${placed} with capacity`, ...shortageTexts(shortages)];
  if (nodesTaken > 0) {
    parts.push(`${nodes(nodesTaken)} already ${nodesTaken === 1 ? 'holds' : 'hold'} a replica of this deployment`);
  }
  if (nodesUnavailable > 0) parts.push(`${nodes(nodesUnavailable)} not available (offline or in maintenance)`);
  if (nodesConsidered === 0) parts.push('there are no nodes');
  return parts.join('; ');
}

function rejectionReasons(state: NodeState, request: PlacementRequest): string[] {
  const reasons = state.node.unavailable === null ? [] : [state.node.unavailable];
  if (isTaken(state, request)) reasons.push('already holds a replica of this deployment');
  for (const dimension of RESOURCE_DIMENSIONS) {
    if (state.left[dimension] >= 0) continue;
    reasons.push(`${WORDS[dimension].name}: ${amount(dimension, neededOf(request, dimension))} needed, ${freeOn(state, dimension)} free`);
  }
  return reasons;
}

function shortagesOf(request: PlacementRequest, states: readonly NodeState[]): Shortage[] {
  return RESOURCE_DIMENSIONS.map((dimension) => ({
    dimension,
    needed: neededOf(request, dimension),
    largestFree: states.reduce((largest, state) => Math.max(largest, freeOn(state, dimension)), 0),
    nodesShort: states.filter((state) => state.left[dimension] < 0).length,
  })).filter((shortage) => shortage.nodesShort > 0);
}

/** A dimension that is short everywhere explains the shortfall alone; without one, the nodes lack different things. */
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

const byId = (a: NodeState, b: NodeState): number => (a.node.id < b.node.id ? -1 : 1);
const chosenThenScore = (a: OpenNode, b: OpenNode): number =>
  Number(b.placed > 0) - Number(a.placed > 0) || b.firstScore.total - a.firstScore.total || byId(a, b);

/** The first EXPLAINED_NODES in the given order, without sorting the whole fleet. */
function firstOf<T>(items: readonly T[], compare: (a: T, b: T) => number): T[] {
  const first: T[] = [];
  for (const item of items) {
    const last = first.at(-1);
    if (first.length === EXPLAINED_NODES && last !== undefined && compare(item, last) > 0) continue;
    const index = first.findIndex((other) => compare(item, other) < 0);
    first.splice(index < 0 ? first.length : index, 0, item);
    if (first.length > EXPLAINED_NODES) first.pop();
  }
  return first;
}
