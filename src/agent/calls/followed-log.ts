import type { LogLine } from '../../runtime/runtime-driver';

/** So many lines go into one message, and only those that are there without a wait. */
const MOST_IN_MESSAGE = 100;
const MOST_LENGTH = 200_000;

/** Passes on a log that somebody follows: never more lines than its reader has asked for. */
export class FollowedLog {
  private credit = 0;
  private onCredit: () => void = () => undefined;

  /** The reader takes so many more lines. */
  more(lines: number): void {
    this.credit += lines;
    this.onCredit();
  }

  /** Resolves when the log has ended, or after the abort. */
  async pass(lines: AsyncIterable<LogLine>, signal: AbortSignal, send: (lines: readonly LogLine[]) => void): Promise<void> {
    let gathered: LogLine[] = [];
    let length = 0;
    const isOver = (): boolean => signal.aborted;
    const flush = (): void => {
      if (gathered.length > 0) send(gathered);
      [gathered, length] = [[], 0];
    };
    signal.addEventListener('abort', () => this.onCredit(), { once: true });
    await this.credited(signal);
    if (isOver()) return;
    for await (const line of lines) {
      gathered.push(line);
      length += line.line.length;
      this.credit -= 1;
      if (gathered.length === 1) setImmediate(flush);
      if (gathered.length >= MOST_IN_MESSAGE || length > MOST_LENGTH) flush();
      if (this.credit <= 0) {
        flush();
        await this.credited(signal);
      }
      if (isOver()) return;
    }
    flush();
  }

  private async credited(signal: AbortSignal): Promise<void> {
    while (this.credit <= 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.onCredit = resolve;
      });
    }
  }
}
