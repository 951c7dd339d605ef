import { LogTail } from '../log-tail';
import type { LogLimits, WorkloadLog } from '../runtime-driver';

const HEADER_BYTES = 8;
const MAX_LINE_BYTES = 4096;
const NEWLINE = 10;
const STDOUT = 1;
const STDERR = 2;
/** A frame of this type holds no output: the engine tells in it why it breaks off. */
const ENGINE_ERROR = 3;
const BROKEN_OFF = 'The engine broke off while it read the lines: the newest ones may be missing';

interface OpenLine {
  readonly bytes: Buffer;
  length: number;
}

/**
 * The last lines of a container's log, as the engine sends it. Reads every byte once and keeps only the lines that it returns,
 * because a container may write megabytes without an end of line.
 */
export async function logLines(chunks: AsyncIterable<Buffer> | Iterable<Buffer>, limits: LogLimits): Promise<WorkloadLog> {
  const reader = new LogReader(limits);
  for await (const chunk of chunks) reader.read(chunk);
  return reader.end();
}

/**
 * The engine multiplexes both streams into frames (a type, three zeros, a length). A container with a terminal writes plain
 * bytes instead, which are read as one frame without an end.
 */
class LogReader {
  private readonly tail: LogTail;
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private headerLength = 0;
  private readonly open = new Map<number, OpenLine>();
  private line = this.lineOf(STDOUT);
  private left = 0;
  private isFramed = false;
  private broken = false;

  constructor(limits: LogLimits) {
    this.tail = new LogTail(limits);
  }

  read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.broken;) {
      if (this.left === 0) {
        at += this.readHeader(chunk.subarray(at));
      } else {
        const bytes = chunk.subarray(at, at + this.left);
        this.append(bytes);
        this.left -= bytes.length;
        at += bytes.length;
      }
    }
  }

  end(): WorkloadLog {
    if (!this.isFramed) this.append(this.header.subarray(0, this.headerLength));
    for (const line of this.open.values()) if (line.length > 0) this.close(line);
    const isWhole = !this.broken && (!this.isFramed || (this.left === 0 && this.headerLength === 0));
    return this.tail.result(isWhole ? null : BROKEN_OFF);
  }

  /** Returns how many of the bytes it took. */
  private readHeader(bytes: Buffer): number {
    const taken = bytes.copy(this.header, this.headerLength);
    this.headerLength += taken;
    if (this.headerLength < HEADER_BYTES) return taken;
    this.headerLength = 0;
    const stream = this.header.readUInt8(0);
    const isFrame = stream <= ENGINE_ERROR && this.header.readUIntBE(1, 3) === 0;
    if (isFrame && stream <= STDERR) {
      this.isFramed = true;
      this.line = this.lineOf(stream);
      this.left = this.header.readUInt32BE(4);
    } else if (isFrame || this.isFramed) {
      // What follows is the text of the engine, with paths of its machine, or nothing that can be read.
      this.broken = true;
    } else {
      this.left = Infinity;
      this.append(this.header);
    }
    return taken;
  }

  private lineOf(stream: number): OpenLine {
    const line = this.open.get(stream) ?? { bytes: Buffer.alloc(MAX_LINE_BYTES), length: 0 };
    this.open.set(stream, line);
    return line;
  }

  /** Bytes beyond the limit of a line are dropped. */
  private append(bytes: Buffer): void {
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      this.line.length += bytes.copy(this.line.bytes, this.line.length, from, end);
      this.close(this.line);
      from = end + 1;
    }
    this.line.length += bytes.copy(this.line.bytes, this.line.length, from);
  }

  private close(line: OpenLine): void {
    this.tail.add(line.bytes.toString('utf8', 0, line.length).replace(/\r$/, ''));
    line.length = 0;
  }
}
