import type { PubSub } from './pub-sub';

/**
 * The hints about a topic, for somebody who looks and then waits for something new: `clear` before each look and `wait` after it, so that
 * a hint which comes meanwhile ends the wait at once. Only one may wait at a time.
 */
export class Hints {
  private given = false;
  private wake: () => void = () => undefined;
  private readonly off: () => void;

  /** `payload`: what the hints have to be about; any when it is absent. */
  constructor(pubSub: PubSub, topic: string, payload?: string) {
    this.off = pubSub.subscribe(topic, (got) => {
      if (payload !== undefined && got !== payload) return;
      this.given = true;
      this.wake();
    });
  }

  /** Whether a hint has come since `clear`. */
  get isGiven(): boolean {
    return this.given;
  }

  /** Hints of before count no more. Ends a wait that nobody is interested in any longer. */
  clear(): void {
    this.given = false;
    this.wake();
  }

  /** Resolves on a hint, or when one has come since `clear`; when the signal aborts; or after so many milliseconds. */
  wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (this.given || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        this.wake = () => undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener('abort', end);
      this.wake = end;
    });
  }

  /** Nothing is heard from now on, and nobody waits. */
  end(): void {
    this.off();
    this.wake();
  }
}
