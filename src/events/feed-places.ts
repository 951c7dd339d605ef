import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';

const MAX_PER_USER = 10;
const MAX_IN_ALL = 1_000;
const RETRY_SECONDS = 5;

/** Limits how many streams and waiting requests this process keeps open, and shares its places between users. */
@Injectable()
export class FeedPlaces {
  /** Of each user what ends each of the open ones, the oldest first. */
  private readonly taken = new Map<string, Set<() => void>>();
  private inAll = 0;

  /**
   * Takes a place, for which `end` ends what is open there, and returns the function that gives it back. When all places are
   * taken, the user with the most loses the oldest, as long as that is at least two more than the newcomer has; so nobody is
   * left without one while others have several. Throws `rate_limited` when the user has too many, `try_again` when there is
   * none to share.
   */
  take(userId: string, end: () => void): () => void {
    const own = this.taken.get(userId)?.size ?? 0;
    if (own >= MAX_PER_USER) {
      const words = `You have ${String(MAX_PER_USER)} event streams open already, waiting requests included. Close one, or wait.`;
      throw new DomainError('rate_limited', words, { retryAfterSeconds: RETRY_SECONDS });
    }
    if (this.inAll >= MAX_IN_ALL) this.makeRoom(own);
    // A function of its own for each place, since `end` may be the same for several.
    const place = (): void => end();
    this.placesOf(userId).add(place);
    this.inAll += 1;
    return () => this.giveBack(userId, place);
  }

  private makeRoom(own: number): void {
    let most: { userId: string; places: Set<() => void> } | undefined;
    for (const [userId, places] of this.taken) if (places.size > (most?.places.size ?? own + 1)) most = { userId, places };
    const [oldest] = most?.places ?? [];
    if (!most || !oldest) throw new DomainError('try_again', 'Too many event streams are open.', { retryAfterSeconds: RETRY_SECONDS });
    this.giveBack(most.userId, oldest);
    oldest();
  }

  private placesOf(userId: string): Set<() => void> {
    const known = this.taken.get(userId) ?? new Set();
    this.taken.set(userId, known);
    return known;
  }

  /** Does nothing the second time. */
  private giveBack(userId: string, place: () => void): void {
    const places = this.taken.get(userId);
    if (places?.delete(place) !== true) return;
    this.inAll -= 1;
    if (places.size === 0) this.taken.delete(userId);
  }
}
