/** So many that the scores of two nodes of one class differ by less than a hundredth. */
export const CLASSES = 128;

const NONE = -1;

/**
 * The nodes of each region in classes of similar goodness, kept in order while nodes change: finding the best node and moving a
 * node cost the same in a fleet of any size. The lists are linked lists in flat arrays; a node is named by its place in the
 * fleet.
 */
export class Ranking {
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private readonly lists: Int32Array;
  private readonly heads: Int32Array;
  private readonly tails: Int32Array;

  constructor(nodes: number, regions: number) {
    [this.next, this.previous, this.lists] = [new Int32Array(nodes), new Int32Array(nodes), new Int32Array(nodes)];
    this.heads = new Int32Array(regions * CLASSES).fill(NONE);
    this.tails = new Int32Array(regions * CLASSES).fill(NONE);
  }

  /** Adds a node at the end of its class. A class is 0..CLASSES - 1; the highest is the best. */
  add(place: number, region: number, goodness: number): void {
    const list = region * CLASSES + goodness;
    const last = this.tails[list] ?? NONE;
    this.lists[place] = list;
    this.previous[place] = last;
    this.next[place] = NONE;
    this.tails[list] = place;
    if (last === NONE) this.heads[list] = place;
    else this.next[last] = place;
  }

  /** To be called when a node has changed. If its class stays the same, its position in the class does too. */
  update(place: number, goodness: number): void {
    const list = this.lists[place] ?? 0;
    const region = Math.floor(list / CLASSES);
    if (list === region * CLASSES + goodness) return;
    const [before, after] = [this.previous[place] ?? NONE, this.next[place] ?? NONE];
    if (before === NONE) this.heads[list] = after;
    else this.next[before] = after;
    if (after === NONE) this.tails[list] = before;
    else this.previous[after] = before;
    this.add(place, region, goodness);
  }

  /** The best node of a region; -1 when it has none. */
  best(region: number): number {
    return this.headFrom(region * CLASSES + CLASSES - 1);
  }

  /** The node behind this one in its region; -1 when it was the last. */
  after(place: number): number {
    const next = this.next[place] ?? NONE;
    if (next !== NONE) return next;
    const list = this.lists[place] ?? 0;
    return list % CLASSES === 0 ? NONE : this.headFrom(list - 1);
  }

  /** The first node of this list, or of the next lower ones of the same region. */
  private headFrom(list: number): number {
    for (let index = list; index >= 0; index--) {
      const head = this.heads[index] ?? NONE;
      if (head !== NONE) return head;
      if (index % CLASSES === 0) break;
    }
    return NONE;
  }
}
