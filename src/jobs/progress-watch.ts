import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Hints } from '../database/hints';
import { PubSub } from '../database/pub-sub';

const LOOK_ANYWAY_MS = 1_000;

/** Lets requests follow, through the database, what a worker in any process does. */
@Injectable()
export class ProgressWatch implements OnModuleDestroy {
  private isEnding = false;

  constructor(private readonly pubSub: PubSub) {}

  /**
   * Ends the waiting when the process ends: its workers stop before its last requests do, so these answer with the state so
   * far.
   */
  onModuleDestroy(): void {
    this.isEnding = true;
  }

  /**
   * Looks at once, on every hint about `key`, and now and then. Resolves with what it saw last: when `isOver` is true of that,
   * after `timeoutMs`, within a second of `lost`, or when the process ends.
   */
  async follow<T>(
    { topic, key, timeoutMs, lost }: { topic: string; key: string; timeoutMs: number; lost: AbortSignal },
    look: () => Promise<T>,
    isOver: (seen: T) => boolean,
  ): Promise<T> {
    const end = performance.now() + timeoutMs;
    const hints = new Hints(this.pubSub, topic, key);
    try {
      for (;;) {
        hints.clear();
        const seen = await look();
        const leftMs = end - performance.now();
        if (isOver(seen) || this.isEnding || lost.aborted || leftMs <= 0) return seen;
        await hints.wait(Math.min(LOOK_ANYWAY_MS, leftMs));
      }
    } finally {
      hints.end();
    }
  }
}
