import type { Readable } from 'node:stream';
import { DriverError, type LogLine } from '../runtime-driver';
import { toDriverError } from './docker-errors';
import { logTime } from '../log-time';

const HEADER_BYTES = 8;
const MAX_LINE_BYTES = 16_384;
/** Longer than any time that an engine writes. */
const MAX_STAMP_BYTES = 64;
const NEWLINE = 10;
const SPACE = 32;
const STREAMS = { 1: 'stdout', 2: 'stderr' } as const;

interface OpenLine {
  readonly stream: LogLine['stream'];
  readonly bytes: Buffer;
  length: number;
  cut: boolean;
  /** Of its first part; null before that. */
  time: string | null;
}

/**
 * The lines of a followed log, as the engine sends them: one frame for each record, which begins with the time, a space, and the text.
 * Longer lines come as several records, of which only the last has an end of line. Reads on only when the next line is wanted.
 */
export async function* followedLines(stream: Readable, signal: AbortSignal): AsyncGenerator<LogLine, void> {
  const stop = (): void => void stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const reader = new RecordReader();
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) yield* reader.read(chunk);
    yield* reader.end();
  } catch (error) {
    if (!signal.aborted) throw toDriverError(error, 'read the logs');
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

class RecordReader {
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private headerLength = 0;
  private left = 0;
  private readonly lines = new Map<number, OpenLine>();
  private line: OpenLine | undefined;
  /** The bytes of the time that have come; null once the text of the record has begun. */
  private stamp: string | null = '';

  *read(chunk: Buffer): Generator<LogLine, void> {
    for (let at = 0; at < chunk.length;) {
      if (this.left === 0) {
        at += this.readHeader(chunk.subarray(at));
        continue;
      }
      const bytes = chunk.subarray(at, at + this.left);
      at += bytes.length;
      this.left -= bytes.length;
      yield* this.readRecord(bytes);
    }
  }

  /** A container that ends may leave a last line without an end. In the middle of a record the connection has broken instead. */
  *end(): Generator<LogLine, void> {
    if (this.left > 0 || this.headerLength > 0) throw brokenOff();
    for (const line of this.lines.values()) if (line.time !== null) yield close(line, line.time);
  }

  private readHeader(bytes: Buffer): number {
    const taken = bytes.copy(this.header, this.headerLength);
    this.headerLength += taken;
    if (this.headerLength < HEADER_BYTES) return taken;
    this.headerLength = 0;
    const kind = this.header.readUInt8(0);
    // Any other frame has no output, but what the engine says of itself, with paths of its machine.
    if ((kind !== 1 && kind !== 2) || this.header.readUIntBE(1, 3) !== 0) throw brokenOff();
    this.left = this.header.readUInt32BE(4);
    this.line = this.lines.get(kind) ?? newLine(STREAMS[kind]);
    this.lines.set(kind, this.line);
    this.stamp = '';
    return taken;
  }

  private *readRecord(bytes: Buffer): Generator<LogLine, void> {
    const line = this.line;
    if (!line) throw brokenOff();
    let from = this.stamp === null ? 0 : this.readStamp(bytes, line);
    const { time } = line;
    if (this.stamp !== null || time === null) return;
    for (let end = bytes.indexOf(NEWLINE, from); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      append(line, bytes.subarray(from, end));
      yield close(line, time);
      from = end + 1;
      if (from < bytes.length) line.time = time;
    }
    append(line, bytes.subarray(from));
  }

  /** Returns how many of the bytes belong to the time. */
  private readStamp(bytes: Buffer, line: OpenLine): number {
    const end = bytes.indexOf(SPACE);
    const stamp = `${this.stamp ?? ''}${bytes.toString('latin1', 0, end < 0 ? bytes.length : end)}`;
    this.stamp = stamp;
    const time = end < 0 ? null : logTime(stamp);
    if (stamp.length > MAX_STAMP_BYTES || (end >= 0 && time === null)) throw brokenOff();
    if (end < 0) return bytes.length;
    this.stamp = null;
    line.time ??= time;
    return end + 1;
  }
}

const newLine = (stream: LogLine['stream']): OpenLine => ({
  stream,
  bytes: Buffer.alloc(MAX_LINE_BYTES),
  length: 0,
  cut: false,
  time: null,
});

function append(line: OpenLine, bytes: Buffer): void {
  const taken = bytes.copy(line.bytes, line.length);
  line.length += taken;
  if (taken < bytes.length) line.cut = true;
}

function close(line: OpenLine, time: string): LogLine {
  const text = line.bytes.toString('utf8', 0, line.length).replace(/\r$/, '');
  const closed = { time, stream: line.stream, line: text, cut: line.cut };
  line.length = 0;
  line.cut = false;
  line.time = null;
  return closed;
}

const brokenOff = (): DriverError => new DriverError('timeout', 'The engine broke off while it read the lines');
