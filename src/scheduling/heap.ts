/**
 * A binary heap of the numbers 0 to `size` - 1 with the lowest rank first; equal ranks are ordered by `ties`. `items` is memory
 * for it to use. Only the rank of the first number may change, and only upwards, so numbers only ever sink.
 */
export class Heap {
  constructor(
    private size: number,
    private readonly ranks: Float64Array,
    private readonly ties: Int32Array,
    private readonly items: Int32Array,
  ) {
    for (let item = 0; item < size; item++) items[item] = item;
    for (let index = (size >> 1) - 1; index >= 0; index--) this.sink(index);
  }

  first(): number | undefined {
    return this.size === 0 ? undefined : this.items[0];
  }

  /** To be called when the rank of the first number has changed. */
  settleFirst(): void {
    this.sink(0);
  }

  removeFirst(): void {
    if (this.size === 0) return;
    this.size -= 1;
    this.items[0] = this.items[this.size] ?? 0;
    this.sink(0);
  }

  private sink(start: number): void {
    const { items, size } = this;
    const item = items[start] ?? 0;
    let hole = start;
    for (let child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
      const right = child + 1;
      if (right < size && this.isBefore(items[right] ?? 0, items[child] ?? 0)) child = right;
      const next = items[child] ?? 0;
      if (!this.isBefore(next, item)) break;
      items[hole] = next;
      hole = child;
    }
    items[hole] = item;
  }

  private isBefore(a: number, b: number): boolean {
    const rank = this.ranks[a] ?? 0;
    const other = this.ranks[b] ?? 0;
    return rank < other || (rank === other && (this.ties[a] ?? 0) < (this.ties[b] ?? 0));
  }
}
