import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { PubSub } from '../database/pub-sub';

const LOOK_ANYWAY_MS = 1_000;

/** Follows from the database's point of view what a worker does, in whichever process: for requests that wait for it. */
@Injectable()
export class ProgressWatch implements OnModuleDestroy {
  private isEnding = false;

  constructor(private readonly pubSub: PubSub) {}

  /** A process that ends answers with what is true so far: its workers stop before its last requests do. */
  onModuleDestroy(): void {
    this.isEnding = true;
  }

  /**
   * Looks at once, on every notification about `key`, and now and then. Resolves with what it saw last when `isOver` says so,
   * after `timeoutMs`, or when the process ends.
   */
  async follow<T>(
    { channel, key, timeoutMs }: { channel: string; key: string; timeoutMs: number },
    look: () => Promise<T>,
    isOver: (seen: T) => boolean,
  ): Promise<T> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      // Listens before it looks: what happens in between is not missed.
      const progress = this.pubSub.next(channel, key, Math.min(LOOK_ANYWAY_MS, Math.max(0, end - performance.now())));
      const seen = await look();
      if (isOver(seen) || this.isEnding || performance.now() >= end) return seen;
      await progress;
    }
  }
}
