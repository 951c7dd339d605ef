import { Histogram, type Registry } from 'prom-client';

/** What was counted so far. */
interface HistogramCounts {
  /** For each bound the values up to it and above the one before, and last those above all bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface CountedDeclaration {
  readonly name: string;
  readonly help: string;
  readonly bounds: readonly number[];
  /** Null: this process has nothing to show. */
  readonly read: () => HistogramCounts | null;
}

type Shown = ReturnType<Histogram['get']>;

/** A histogram whose values are counted elsewhere, such as in another thread, and read when the metrics are asked for. */
export class CountedHistogram extends Histogram {
  /** Says what the values are; it has none itself. */
  private readonly head: Histogram;

  constructor(
    registry: Registry,
    private readonly declaration: CountedDeclaration,
  ) {
    const { name, help, bounds } = declaration;
    super({ name, help, buckets: [...bounds], registers: [registry] });
    this.head = new Histogram({ name, help, registers: [] });
  }

  override async get(): Shown {
    return { ...(await this.head.get()), values: this.values() };
  }

  /** What the registry calls for the text format instead of `get`. */
  getForPromString(): Shown {
    return this.get();
  }

  private values(): Awaited<Shown>['values'] {
    const { name, bounds, read } = this.declaration;
    const shown = read();
    if (!shown) return [];
    let total = 0;
    const buckets = shown.counts.map((count, index) => {
      total += count;
      return { metricName: `${name}_bucket`, labels: { le: bounds[index] ?? '+Inf' }, value: total };
    });
    const value = shown.sum;
    return [...buckets, { metricName: `${name}_sum`, labels: {}, value }, { metricName: `${name}_count`, labels: {}, value: total }];
  }
}
