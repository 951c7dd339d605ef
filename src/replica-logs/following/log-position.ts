import type { LogLine } from '../../runtime/runtime-driver';

/** The last line that was told of one stream, by its time and how many lines of that very time were told. */
interface Mark {
  readonly nanos: bigint;
  readonly count: number;
}

const STREAMS = ['stdout', 'stderr'] as const;
const ID_BYTES = 6;
const MARK_BYTES = 12;
/** A multiple of three, so that the texts of several replicas can be put behind each other. */
const BYTES = ID_BYTES + STREAMS.length * MARK_BYTES;
const CHARACTERS = (BYTES / 3) * 4;
const VERSION = '1.';
const POSITION = /^1\.[A-Za-z0-9_-]+$/;
const NANOS_PER_SECOND = 1_000_000_000n;
/** An engine writes down the lines of both streams in a slightly different order than that of their times. */
const DISORDER_NANOS = 10n * NANOS_PER_SECOND;

/**
 * How far the log of one replica was told. Each of its streams has its own place, since times only rise within one stream; lines of
 * the same time are counted.
 */
export class ReplicaPosition {
  private marks: Partial<Record<LogLine['stream'], Mark>> = {};

  /** From when on the engine has to be read again; null when nothing was told yet. */
  get since(): string | null {
    const nanos = STREAMS.flatMap((stream) => this.marks[stream]?.nanos ?? []);
    const [first, last] = [nanos[0], nanos[1] ?? nanos[0]];
    if (first === undefined || last === undefined) return null;
    const [older, newer] = first < last ? [first, last] : [last, first];
    return timeOf(older > newer - DISORDER_NANOS ? older : newer - DISORDER_NANOS);
  }

  note({ stream, time }: LogLine): void {
    const nanos = nanosOf(time);
    for (const each of STREAMS) this.marks[each] ??= { nanos, count: 0 };
    const mark = this.marks[stream];
    this.marks[stream] = { nanos, count: mark?.nanos === nanos ? mark.count + 1 : 1 };
  }

  /** For one reading from `since`: tells which of its lines, in their order, were not told before. */
  filter(): (line: LogLine) => boolean {
    const before = { ...this.marks };
    const equal = { stdout: 0, stderr: 0 };
    const reached = { stdout: false, stderr: false };
    return ({ stream, time }) => {
      const mark = before[stream];
      if (reached[stream] || !mark) return true;
      const nanos = nanosOf(time);
      if (nanos < mark.nanos) return false;
      if (nanos === mark.nanos && equal[stream] < mark.count) {
        equal[stream] += 1;
        return false;
      }
      return (reached[stream] = true);
    };
  }

  copy(): ReplicaPosition {
    const copy = new ReplicaPosition();
    copy.marks = { ...this.marks };
    return copy;
  }

  toText(replicaId: string): string {
    const bytes = Buffer.alloc(BYTES);
    bytes.write(keyOf(replicaId), 'hex');
    STREAMS.forEach((stream, index) => {
      const { nanos, count } = this.marks[stream] ?? { nanos: 0n, count: 0 };
      bytes.writeBigUInt64BE(nanos, ID_BYTES + index * MARK_BYTES);
      bytes.writeUInt32BE(count, ID_BYTES + index * MARK_BYTES + 8);
    });
    return bytes.toString('base64url');
  }

  static fromBytes(bytes: Buffer): ReplicaPosition {
    const position = new ReplicaPosition();
    STREAMS.forEach((stream, index) => {
      const nanos = bytes.readBigUInt64BE(ID_BYTES + index * MARK_BYTES);
      const count = bytes.readUInt32BE(ID_BYTES + index * MARK_BYTES + 8);
      position.marks[stream] = { nanos: nanos < LATEST ? nanos : LATEST, count };
    });
    return position;
  }
}

/** The end of the year 9999, the last that a time can be written of. */
const LATEST = BigInt(Date.parse('9999-12-31T23:59:59Z') / 1000) * NANOS_PER_SECOND;

/** How far the logs of all replicas of a deployment were told, as the `id` of a server-sent event. */
export class LogPosition {
  private readonly texts = new Map<string, string>();

  constructor(private readonly positions: Map<string, ReplicaPosition> = new Map()) {}

  /** Null for what is no position. */
  static read(text: string): LogPosition | null {
    const encoded = text.slice(VERSION.length);
    if (!POSITION.test(text) || encoded.length % CHARACTERS !== 0) return null;
    const bytes = Buffer.from(encoded, 'base64url');
    const positions = new Map<string, ReplicaPosition>();
    for (let at = 0; at < bytes.length; at += BYTES) {
      const one = bytes.subarray(at, at + BYTES);
      positions.set(one.toString('hex', 0, ID_BYTES), ReplicaPosition.fromBytes(one));
    }
    return new LogPosition(positions);
  }

  /** A copy, which the one who reads ahead of the client moves by itself. */
  of(replicaId: string): ReplicaPosition {
    return this.positions.get(keyOf(replicaId))?.copy() ?? new ReplicaPosition();
  }

  note(replicaId: string, line: LogLine): void {
    const key = keyOf(replicaId);
    const position = this.positions.get(key) ?? new ReplicaPosition();
    position.note(line);
    this.positions.set(key, position);
    this.texts.set(key, position.toText(replicaId));
  }

  forget(replicaId: string): void {
    this.positions.delete(keyOf(replicaId));
    this.texts.delete(keyOf(replicaId));
  }

  /** Of replicas that are not among these nothing will be told any more. */
  keepOnly(replicaIds: readonly string[]): void {
    this.texts.clear();
    const kept = new Set(replicaIds.map(keyOf));
    for (const key of this.positions.keys()) if (!kept.has(key)) this.positions.delete(key);
    for (const id of replicaIds) {
      const position = this.positions.get(keyOf(id));
      if (position) this.texts.set(keyOf(id), position.toText(id));
    }
  }

  toString(): string {
    return VERSION + [...this.texts.values()].join('');
  }
}

const keyOf = (replicaId: string): string => replicaId.replaceAll('-', '').slice(0, ID_BYTES * 2);

const nanosOf = (time: string): bigint =>
  BigInt(Date.parse(`${time.slice(0, 19)}Z`) / 1000) * NANOS_PER_SECOND + BigInt(time.slice(20, 29));

const timeOf = (nanos: bigint): string => {
  const at = nanos > 0n ? nanos : 0n;
  const second = new Date(Number(at / NANOS_PER_SECOND) * 1000).toISOString().slice(0, 19);
  return `${second}.${String(at % NANOS_PER_SECOND).padStart(9, '0')}Z`;
};
