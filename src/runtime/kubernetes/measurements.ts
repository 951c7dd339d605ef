import { resultWithin, within } from '../../common/within';
import { boundedCall } from '../bounded-call';
import { DriverError } from '../runtime-driver';
import { toDriverError } from './kubernetes-errors';

/** Others' Pods change slowly, and a large cluster has many of them. */
const FRESH_MS = 30_000;
const PATIENCE_MS = 2_000;
/** What is older than this is known no more. */
const KNOWN_MS = 300_000;
const MEASURE_MS = 60_000;

interface Known<T> {
  readonly at: number;
  readonly value: T;
}

/** A cluster that has too much to do for a large question answers small ones, and has not become smaller. */
const isPassing = (error: unknown): boolean =>
  error instanceof DriverError && (error.failure === 'unreachable' || error.failure === 'timeout' || error.failure === 'aborted');

/**
 * What was measured of large things, by key. Measuring may take longer than whoever asks can wait: then it goes on for the next who
 * asks, and the value of before is given meanwhile, if there is one, and when it fails in a way that passes.
 */
export class Measurements<T> {
  private readonly known = new Map<string, Known<T>>();
  private readonly underWay = new Map<string, Promise<T>>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Throws what the measurement throws, and `aborted` when the signal fires before anything is known. */
  async of(key: string, measure: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const known = this.known.get(key);
    const ageMs = known === undefined ? Infinity : this.now() - known.at;
    if (known !== undefined && ageMs < FRESH_MS) return known.value;
    const measuring = this.underWay.get(key) ?? this.begin(key, measure);
    if (known !== undefined && ageMs < KNOWN_MS) {
      const { value } = known;
      const orKnown = measuring.catch((error: unknown) => {
        if (isPassing(error)) return value;
        throw error;
      });
      return resultWithin(PATIENCE_MS, orKnown, value);
    }
    return boundedCall({ signal, doing: 'tell what it has', timeoutMs: MEASURE_MS, toDriverError }, () => measuring);
  }

  private begin(key: string, measure: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const measuring = within(MEASURE_MS, new AbortController().signal, measure)
      .then((value) => {
        this.known.set(key, { at: this.now(), value });
        return value;
      })
      .finally(() => this.underWay.delete(key));
    measuring.catch(() => undefined); // whoever asked may have gone
    this.underWay.set(key, measuring);
    return measuring;
  }
}
