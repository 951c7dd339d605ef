import { Logger } from '@nestjs/common';

/** What ends sooner needs no words. */
const NOTED_AFTER_MS = 250;

/**
 * The words of one start, such as the progress of a pull, for people to see. Only the newest, a few times a second at the
 * most, and none of a start that is over in a moment: writing them would cost more than the start.
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

  /** What has not been written by now never is. */
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
