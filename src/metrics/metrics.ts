import { Injectable, Logger } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { VERSION } from '../common/version';
import { CountedHistogram, type CountedDeclaration } from './counted-histogram';

/** One value of a gauge; the names of its labels are those that the gauge was declared with. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

interface GaugeDeclaration {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** Gauges that are read together, when the metrics are asked for. */
export interface GaugeSource<N extends string> {
  readonly source: string;
  readonly gauges: readonly (GaugeDeclaration & { readonly name: N })[];
  /** Reads all values, in a number of statements that does not grow with the number of rows. Called at most every five seconds. */
  readonly read: () => Promise<Readonly<Record<N, readonly Sample[]>>> | Readonly<Record<N, readonly Sample[]>>;
}

const CACHE_MS = 5_000;

/** The process's metrics. Names begin with `fog_`, durations are in seconds. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  private readonly logger = new Logger(Metrics.name);
  private readonly readErrors: Counter<'source'>;

  constructor() {
    this.readErrors = this.counter({ name: 'fog_metrics_read_errors_total', help: 'Reads of gauges that failed.', labels: ['source'] });
    new Gauge({ name: 'fog_build_info', help: 'Always 1.', labelNames: ['version', 'node'], registers: [this.registry] })
      .labels(VERSION, process.version)
      .set(1);
  }

  /** Memory, CPU, event loop and garbage collection of the process. They start observers, so tests leave them out. */
  collectProcessMetrics(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  counter<L extends string>({ name, help, labels = [] }: { name: string; help: string; labels?: readonly L[] }): Counter<L> {
    return new Counter({ name, help, labelNames: labels, registers: [this.registry] });
  }

  histogram<L extends string>(declaration: { name: string; help: string; labels?: readonly L[]; buckets: number[] }): Histogram<L> {
    const { name, help, labels = [], buckets } = declaration;
    return new Histogram({ name, help, labelNames: labels, buckets, registers: [this.registry] });
  }

  /** A counter that is kept elsewhere, and read when the metrics are asked for. */
  readCounter({ name, help, labels = [], read }: GaugeDeclaration & { readonly read: () => readonly Sample[] }): void {
    new Counter({
      name,
      help,
      labelNames: labels,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const sample of read()) this.inc(sample.labels ?? {}, sample.value);
      },
    });
  }

  readHistogram(declaration: CountedDeclaration): void {
    new CountedHistogram(this.registry, declaration);
  }

  /**
   * Registers gauges whose values are read on demand. When a read fails they are empty, because old values would be
   * taken for current ones.
   */
  gauges<N extends string>({ source, gauges, read }: GaugeSource<N>): void {
    let cached: { at: number; samples: Promise<Readonly<Record<N, readonly Sample[]>> | null> } | undefined;
    const readOnce = (): Promise<Readonly<Record<N, readonly Sample[]>> | null> => {
      const now = performance.now();
      if (!cached || now - cached.at > CACHE_MS) cached = { at: now, samples: this.guarded(source, read) };
      return cached.samples;
    };
    for (const { name, help, labels = [] } of gauges) {
      new Gauge({
        name,
        help,
        labelNames: labels,
        registers: [this.registry],
        async collect() {
          const samples = await readOnce();
          this.reset();
          for (const sample of samples?.[name] ?? []) this.set(sample.labels ?? {}, sample.value);
          if (samples === null) this.remove();
        },
      });
    }
  }

  private async guarded<T>(source: string, read: () => Promise<T> | T): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      this.readErrors.inc({ source });
      this.logger.warn(`The gauges of ${source} could not be read: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }
}
