import { Injectable, type OnModuleDestroy } from '@nestjs/common';
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
    for (;;) {
      // It listens before it looks, so that nothing in between is missed.
      const progress = this.pubSub.next(topic, key, Math.min(LOOK_ANYWAY_MS, Math.max(0, end - performance.now())));
      const seen = await look();
      if (isOver(seen) || this.isEnding || lost.aborted || performance.now() >= end) return seen;
      await progress;
    }
  }
}
