/** A binary heap over an array that it takes over. Only the first item may change, so items only ever have to sink. */
export class Heap<T extends object> {
  constructor(
    private readonly items: T[],
    private readonly compare: (a: T, b: T) => number,
  ) {
    for (let index = (items.length >> 1) - 1; index >= 0; index--) this.sink(index);
  }

  first(): T | undefined {
    return this.items[0];
  }

  /** To be called when the first item has changed. */
  settleFirst(): void {
    this.sink(0);
  }

  removeFirst(): void {
    const last = this.items.pop();
    if (last === undefined || this.items.length === 0) return;
    this.items[0] = last;
    this.sink(0);
  }

  private sink(start: number): void {
    const item = this.items[start];
    if (item === undefined) return;
    let hole = start;
    for (;;) {
      let child = 2 * hole + 1;
      let next = this.items[child];
      if (next === undefined) break;
      const right = this.items[child + 1];
      if (right !== undefined && this.compare(right, next) < 0) {
        next = right;
        child += 1;
      }
      if (this.compare(item, next) <= 0) break;
      this.items[hole] = next;
      hole = child;
    }
    this.items[hole] = item;
  }
}
