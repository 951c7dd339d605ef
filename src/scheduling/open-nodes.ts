import { amountsOf, type Amounts, type Fleet } from './fleet';
import { Heap } from './heap';
import type { PlacementContext, PlacementRequest } from './place.types';
import { latencyBetween } from './region-latency';
import { freeShare, localityOf, MILLIONTHS, totalOf } from './score';

/** So many rejected nodes, the first by id, are kept with their reasons; the others are only counted. */
const KEPT_REJECTIONS = 10;
/** Larger than any score in millionths, so that a difference in replicas outweighs any difference in score. */
const ABOVE_SCORES = 4 * MILLIONTHS;
/** Larger than any rank, so that nodes that have refused replicas come last; the more often, the later. */
const ABOVE_RANKS = 1e13;
const MOST_REFUSALS = 10;

/**
 * Memory that all placements share one after the other. A placement never waits for anything, so only one uses it at a time.
 */
class Scratch {
  readonly places: Int32Array;
  readonly placed: Int32Array;
  readonly ranks: Float64Array;
  readonly totals: Float64Array;
  readonly heap: Int32Array;

  constructor(readonly size: number) {
    [this.places, this.placed, this.heap] = [new Int32Array(size), new Int32Array(size), new Int32Array(size)];
    [this.ranks, this.totals] = [new Float64Array(size), new Float64Array(size)];
  }
}

let scratch = new Scratch(1_000);

/**
 * The nodes that one placement has looked at and that could take a replica, in the order in which they were met (their slot),
 * with the number of replicas that each gets. The fleet itself is not changed. The flat arrays of numbers are used again by the
 * next placement, as objects and even new arrays cost several times as much, so nothing may keep this after the placement.
 */
export class OpenNodes {
  readonly each: Amounts;
  slots = 0;
  /** By slot: the node's place in the fleet, and how many replicas it gets from this placement. */
  readonly places: Int32Array;
  readonly placed: Int32Array;
  /** By slot: the rank for the next replica. The lowest rank takes it; equal ranks are ordered by id. */
  readonly ranks: Float64Array;
  private readonly totals: Float64Array;
  considered = 0;
  unavailable = 0;
  /** Available nodes that already hold a replica of this deployment, where a node may hold only one. */
  taken = 0;
  /** Nodes with room and without a replica of this deployment; with `binpack`, all nodes with room. */
  fresh = 0;
  rejected = 0;
  /** The places of the first rejected nodes, by id. */
  readonly rejections: number[] = [];
  private readonly own = new Map<number, number>();
  private readonly refusals = new Map<number, number>();

  /** `enough` is the largest number of fresh nodes that there can be. */
  constructor(
    readonly fleet: Fleet,
    readonly request: PlacementRequest,
    { own, refusals }: Required<Pick<PlacementContext, 'own' | 'refusals'>>,
    enough: number,
  ) {
    this.each = amountsOf(request.perReplica);
    for (const [id, replicas] of own) {
      const place = fleet.placeOf(id);
      if (place !== undefined && replicas > 0) this.own.set(place, replicas);
    }
    for (const [id, refused] of refusals) {
      const place = fleet.placeOf(id);
      if (place !== undefined) this.refusals.set(place, Math.min(MOST_REFUSALS, refused));
    }
    const most = Math.min(fleet.size, enough + this.own.size + this.refusals.size);
    if (most > scratch.size) scratch = new Scratch(most);
    ({ places: this.places, placed: this.placed, ranks: this.ranks, totals: this.totals } = scratch);
  }

  ownOn(place: number): number {
    return this.own.size === 0 ? 0 : (this.own.get(place) ?? 0);
  }

  consider(place: number, locality: number): void {
    this.considered += 1;
    const own = this.ownOn(place);
    const isAvailable = this.fleet.isAvailable[place] === 1;
    if (!isAvailable) this.unavailable += 1;
    else if (!this.canHold(own)) this.taken += 1;
    if (!isAvailable || !this.canHold(own) || !this.hasRoom(place, 1)) {
      this.reject(place);
      return;
    }
    if ((own === 0 || this.request.strategy === 'binpack') && !this.refusals.has(place)) this.fresh += 1;
    const slot = this.slots++;
    this.places[slot] = place;
    this.placed[slot] = 0;
    this.rate(slot, place, 0, locality);
  }

  /** The slots by rank, to be called when all nodes have been looked at. */
  heap(): Heap {
    return new Heap(this.slots, this.ranks, this.places, scratch.heap);
  }

  /** Puts one replica on the node and ranks it for the next one. Returns false when the node can take no other. */
  take(slot: number): boolean {
    const placed = (this.placed[slot] ?? 0) + 1;
    const place = this.places[slot] ?? 0;
    this.placed[slot] = placed;
    this.rate(slot, place, placed, this.localityOn(place));
    return this.canHold(placed) && this.hasRoom(place, placed + 1);
  }

  /** Whether a node with so many replicas of this deployment may take another one; `distinct` allows one per node. */
  canHold(replicas: number): boolean {
    return replicas === 0 || this.request.strategy !== 'distinct';
  }

  /** The score, in millionths, that the node had for its first replica. */
  firstTotal(slot: number): number {
    if (this.placed[slot] === 0) return this.totals[slot] ?? 0;
    const place = this.places[slot] ?? 0;
    return totalOf(this.share(place, 1), this.fleet.idlePart[place] ?? 0, this.localityOn(place));
  }

  /**
   * Whether `times` replicas fit beside the reservations, in every dimension, and the disk and the largest machine have room for each of
   * them. Not for all of them at once: reservations say what they may take, the disk only what others have left.
   */
  private hasRoom(place: number, times: number): boolean {
    const each = this.each;
    const free = this.fleet.free;
    return (
      (free[0][place] ?? 0) >= times * each[0] &&
      (free[1][place] ?? 0) >= times * each[1] &&
      (free[2][place] ?? 0) >= times * each[2] &&
      (free[3][place] ?? 0) >= times * each[3] &&
      (this.fleet.disk[place] ?? Infinity) >= each[3] &&
      (this.fleet.largest[0][place] ?? Infinity) >= each[0] &&
      (this.fleet.largest[1][place] ?? Infinity) >= each[1]
    );
  }

  private rate(slot: number, place: number, placed: number, locality: number): void {
    const share = this.share(place, placed + 1);
    const total = totalOf(share, this.fleet.idlePart[place] ?? 0, locality);
    this.totals[slot] = total;
    const { strategy } = this.request;
    const last = (this.refusals.get(place) ?? 0) * ABOVE_RANKS;
    if (strategy === 'binpack') this.ranks[slot] = last + Math.round(share * MILLIONTHS) * ABOVE_SCORES - total;
    // Equal scores are ordered by what is free, as a number below one: on large equal nodes one replica more does not change
    // the score.
    else if (strategy === 'spread') this.ranks[slot] = last + (this.ownOn(place) + placed) * ABOVE_SCORES - total - share / 2;
    else this.ranks[slot] = last - total - share / 2;
  }

  private localityOn(place: number): number {
    return localityOf(latencyBetween(this.request.region, this.fleet.nodes[place]?.region ?? ''));
  }

  /** What would be free of CPU and memory with `times` replicas, as a share of the capacity. */
  private share(place: number, times: number): number {
    const { free, cpuCapacity, memoryCapacity } = this.fleet;
    const cpuLeft = (free[0][place] ?? 0) - times * this.each[0];
    const memoryLeft = (free[1][place] ?? 0) - times * this.each[1];
    return freeShare(cpuLeft, cpuCapacity[place] ?? 0, memoryLeft, memoryCapacity[place] ?? 0);
  }

  private reject(place: number): void {
    this.rejected += 1;
    const kept = this.rejections;
    if (kept.length === KEPT_REJECTIONS && place > (kept.at(-1) ?? 0)) return;
    const index = kept.findIndex((other) => place < other);
    kept.splice(index < 0 ? kept.length : index, 0, place);
    if (kept.length > KEPT_REJECTIONS) kept.pop();
  }
}
