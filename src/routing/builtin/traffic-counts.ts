import { ANSWER_BOUNDS, STATUS_CLASSES, type Traffic } from '../traffic';

const GONE = STATUS_CLASSES.indexOf('gone');
const CONNECTIONS = STATUS_CLASSES.length;
const SUM = CONNECTIONS + 1;
const BUCKETS = SUM + 1;
const LENGTH = BUCKETS + ANSWER_BOUNDS.length + 1;

/**
 * Counts what passes through the router, in memory that two threads share: one counts, the other reads at any time. Counting is a
 * few additions, without any lock or message.
 */
export class TrafficCounts {
  private readonly cells: Float64Array;

  constructor(readonly memory = new SharedArrayBuffer(LENGTH * Float64Array.BYTES_PER_ELEMENT)) {
    this.cells = new Float64Array(memory);
  }

  /** An answer began with this status code, so long after its request. */
  answered(status: number, milliseconds: number): void {
    this.add(Math.min(Math.max(Math.floor(status / 100), 1), 5) - 1, 1);
    const seconds = milliseconds / 1_000;
    this.add(SUM, seconds);
    let bucket = 0;
    while (bucket < ANSWER_BOUNDS.length && seconds > (ANSWER_BOUNDS[bucket] ?? Infinity)) bucket += 1;
    this.add(BUCKETS + bucket, 1);
  }

  /** The client left before there was an answer. */
  gone(): void {
    this.add(GONE, 1);
  }

  connections(open: number): void {
    this.cells[CONNECTIONS] = open;
  }

  read(): Traffic {
    return {
      requests: new Map(STATUS_CLASSES.map((name, index) => [name, this.cells[index] ?? 0])),
      openConnections: this.cells[CONNECTIONS] ?? 0,
      answerSeconds: { counts: [...this.cells.subarray(BUCKETS)], sum: this.cells[SUM] ?? 0 },
    };
  }

  private add(index: number, value: number): void {
    this.cells[index] = (this.cells[index] ?? 0) + value;
  }
}
