import type { LogLimits, WorkloadLog } from './runtime-driver';

/** Takes the lines of a log from first to last and keeps only the last ones within the limits. */
export class LogTail {
  private readonly lines: string[] = [];
  private bytes = 0;
  private seen = 0;

  constructor(private readonly limits: LogLimits) {}

  add(line: string): void {
    this.lines.push(line);
    this.bytes += Buffer.byteLength(line);
    this.seen += 1;
    while (this.lines.length > 0 && (this.lines.length > this.limits.tailLines || this.bytes > this.limits.maxBytes)) {
      this.bytes -= Buffer.byteLength(this.lines.shift() ?? '');
    }
  }

  /** `error`: why the log could not be read to its end. */
  result(error: string | null = null): WorkloadLog {
    return { lines: this.lines, cut: this.lines.length < Math.min(this.seen, this.limits.tailLines), error };
  }
}
