import type { FleetNode } from '../engines/fleet-node';
import { subtract, type Resources } from '../engines/resources';
import { CLASSES, Ranking } from './ranking';
import { latencyBetween } from './region-latency';
import { freeShare, idlePart, totalOf } from './score';

/**
 * In the order of RESOURCE_DIMENSIONS and in whole numbers, with cores as thousandths, so that sums and comparisons are exact.
 */
export type Amounts = readonly [cpu: number, memory: number, gpu: number, storage: number];

export interface Region {
  readonly index: number;
  readonly name: string;
  /** The positions of its nodes in the fleet, ascending. */
  readonly nodes: readonly number[];
}

/** Users choose the names of regions freely, so only so many orders of regions are remembered. */
const REMEMBERED_ORDERS = 100;

/** The smallest replica that can be asked for by default: 0.5 cores and 512 MB. */
const SMALL: Amounts = [500, 512, 0, 0];
const NOTHING: Amounts = [0, 0, 0, 0];
/** The score of an empty, idle node, without the part for its region. */
const BEST_TOTAL = totalOf(1, idlePart({ cpuUsagePercent: 0, memoryUsagePercent: 0 }), 0);

export const amountsOf = ({ cpuCores, memoryMb, gpuUnits, storageGb }: Resources): Amounts => [
  Math.round(cpuCores * 1000),
  memoryMb,
  gpuUnits,
  storageGb,
];

/**
 * All nodes as placement sees them: numbers in flat arrays, indexed by a node's place, which is its rank by id. Looking at a
 * node costs some nanoseconds, so a fleet of 100,000 can be kept and used again and again. Only what is free changes.
 */
export class Fleet {
  readonly nodes: readonly FleetNode[];
  /** One array for each dimension, in the order of Amounts. Negative where the capacity was lowered below the reservations. */
  readonly free: readonly [Float64Array, Float64Array, Float64Array, Float64Array];
  /** What is really free on the disk of each node, in GB; infinite where nobody knows. */
  readonly disk: Float64Array;
  /** What the largest machine of each node could give to one replica, of CPU and of memory; infinite where a node is one machine. */
  readonly largest: readonly [Float64Array, Float64Array];
  readonly cpuCapacity: Float64Array;
  readonly memoryCapacity: Float64Array;
  readonly idlePart: Float64Array;
  readonly isAvailable: Uint8Array;
  readonly ranking: Ranking;
  private readonly places = new Map<string, number>();
  private readonly regions: readonly Region[];
  private readonly orders = new Map<string, readonly Region[]>();

  /** Among equally good nodes, those from the place `start` on come first. */
  constructor(nodes: readonly FleetNode[], start = 0) {
    this.nodes = isSorted(nodes) ? nodes : nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const numbers = (): Float64Array => new Float64Array(nodes.length);
    this.free = [numbers(), numbers(), numbers(), numbers()];
    [this.cpuCapacity, this.memoryCapacity, this.idlePart] = [numbers(), numbers(), numbers()];
    this.disk = numbers();
    this.largest = [numbers(), numbers()];
    this.isAvailable = new Uint8Array(nodes.length);
    const regions = new Map<string, Region & { nodes: number[] }>();
    for (const [place, node] of this.nodes.entries()) {
      this.read(place, node);
      const region = regions.get(node.region);
      if (region) region.nodes.push(place);
      else regions.set(node.region, { index: regions.size, name: node.region, nodes: [place] });
    }
    this.regions = [...regions.values()];
    this.ranking = new Ranking(nodes.length, this.regions.length);
    for (const { index, nodes: places } of this.regions) {
      const first = places.findIndex((place) => place >= start);
      const ranked = first <= 0 ? places : [...places.slice(first), ...places.slice(0, first)];
      for (const place of ranked) this.ranking.add(place, index, this.goodness(place));
    }
  }

  get size(): number {
    return this.nodes.length;
  }

  placeOf(id: string): number | undefined {
    return this.places.get(id);
  }

  /**
   * What would be free on the node after `times` more replicas of this size. A disk or a machine with too little room for one of them
   * shows what is left on it.
   */
  leftOn(place: number, each: Amounts, times: number): Resources {
    const [cpu, memory, gpu, storage] = this.free;
    const unreserved = (storage[place] ?? 0) - times * each[3];
    const onDisk = this.disk[place] ?? Infinity;
    return {
      cpuCores: withinLargest((cpu[place] ?? 0) - times * each[0], this.largest[0][place], each[0]) / 1000,
      memoryMb: withinLargest((memory[place] ?? 0) - times * each[1], this.largest[1][place], each[1]),
      gpuUnits: (gpu[place] ?? 0) - times * each[2],
      storageGb: withinLargest(unreserved, onDisk, each[3]),
    };
  }

  /** Those of the nodes, as free as they are now. */
  subset(isWanted: (node: FleetNode) => boolean): Fleet {
    const now = (node: FleetNode, place: number): FleetNode => {
      const free = this.leftOn(place, NOTHING, 0);
      return { ...node, reserved: subtract(node.capacity, free) };
    };
    return new Fleet(this.nodes.flatMap((node, place) => (isWanted(node) ? [now(node, place)] : [])));
  }

  /**
   * Takes the amount of one replica from each of these nodes, once for each time that its id occurs; unknown nodes are skipped.
   */
  take(ids: readonly string[], each: Amounts): void {
    this.move(ids, each, -1);
  }

  giveBack(ids: readonly string[], each: Amounts): void {
    this.move(ids, each, 1);
  }

  /** The regions that have nodes, beginning with the nearest to this one. */
  regionsFrom(region: string): readonly Region[] {
    const known = this.orders.get(region);
    if (known) return known;
    const order = this.regions.toSorted(
      (a, b) => latencyBetween(region, a.name) - latencyBetween(region, b.name) || (a.name < b.name ? -1 : 1),
    );
    if (this.orders.size < REMEMBERED_ORDERS) this.orders.set(region, order);
    return order;
  }

  private read(place: number, node: FleetNode): void {
    this.places.set(node.id, place);
    const [capacity, reserved] = [amountsOf(node.capacity), amountsOf(node.reserved)];
    this.free[0][place] = capacity[0] - reserved[0];
    this.free[1][place] = capacity[1] - reserved[1];
    this.free[2][place] = capacity[2] - reserved[2];
    this.free[3][place] = capacity[3] - reserved[3];
    this.disk[place] = node.diskFreeGb ?? Infinity;
    this.largest[0][place] = node.largestMachine ? Math.round(node.largestMachine.cpuCores * 1000) : Infinity;
    this.largest[1][place] = node.largestMachine?.memoryMb ?? Infinity;
    this.cpuCapacity[place] = capacity[0];
    this.memoryCapacity[place] = capacity[1];
    this.idlePart[place] = idlePart(node);
    this.isAvailable[place] = Number(node.unavailable === null);
  }

  private move(ids: readonly string[], each: Amounts, sign: 1 | -1): void {
    for (const id of ids) {
      const place = this.places.get(id);
      if (place === undefined) continue;
      this.free[0][place] = (this.free[0][place] ?? 0) + sign * each[0];
      this.free[1][place] = (this.free[1][place] ?? 0) + sign * each[1];
      this.free[2][place] = (this.free[2][place] ?? 0) + sign * each[2];
      this.free[3][place] = (this.free[3][place] ?? 0) + sign * each[3];
      this.ranking.update(place, this.goodness(place));
    }
  }

  /**
   * The class of a node by its score for a small replica, without the part for its region. Nodes that take no replicas come
   * last.
   */
  private goodness(place: number): number {
    if (this.isAvailable[place] !== 1) return 0;
    const share = freeShare(
      (this.free[0][place] ?? 0) - SMALL[0],
      this.cpuCapacity[place] ?? 0,
      (this.free[1][place] ?? 0) - SMALL[1],
      this.memoryCapacity[place] ?? 0,
    );
    const total = totalOf(share, this.idlePart[place] ?? 0, 0) / BEST_TOTAL;
    return Math.max(1, Math.min(CLASSES - 1, Math.ceil(total * (CLASSES - 1))));
  }
}

/** What is free of a node, or of the one place where all of a replica has to be if that is too small for it. */
const withinLargest = (free: number, largest = Infinity, each: number): number => (largest < each ? Math.min(largest, free) : free);

const isSorted = (nodes: readonly FleetNode[]): boolean =>
  nodes.every((node, place) => place === 0 || (nodes[place - 1]?.id ?? '') < node.id);
