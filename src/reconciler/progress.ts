import { Logger } from '@nestjs/common';

/** A start that takes less time than this shows no progress. */
const NOTED_AFTER_MS = 250;

/**
 * Records the progress of one start, such as that of a pull, for people to see. It writes only the newest words, at most a few
 * times a second, and nothing for a start that ends at once: the writing would cost more than the start.
 */
export class Progress {
  private readonly logger = new Logger(Progress.name);
  private words: string | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly write: (words: string) => Promise<void>) {}

  readonly note = (words: string): void => {
    this.words = words;
    this.timer ??= setTimeout(() => this.writeNewest(), NOTED_AFTER_MS);
  };

  /** Words that have not been written yet are dropped. */
  end(): void {
    clearTimeout(this.timer);
    this.words = null;
  }

  private writeNewest(): void {
    this.timer = undefined;
    const { words } = this;
    this.words = null;
    if (words === null) return;
    this.write(words).catch((error: unknown) => this.logger.debug(`The progress of a start was not noted: ${String(error)}`));
  }
}
