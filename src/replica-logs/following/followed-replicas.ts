import { DomainError } from '../../common/problem/domain-error';

const MOST_PER_USER = 250;
const MOST_IN_ALL = 2_000;
const RETRY_SECONDS = 5;

/** Counts the replicas whose logs this process follows: each holds a connection to an engine. */
export class FollowedReplicas {
  private readonly taken = new Map<string, number>();
  private inAll = 0;

  /** Throws `rate_limited` when the user would follow too many with these, `try_again` when all users together would. */
  require(userId: string, replicas: number): void {
    const own = this.taken.get(userId) ?? 0;
    if (own > 0 && own + replicas > MOST_PER_USER) {
      const words = `You follow the logs of ${String(own)} replicas already, and ${String(MOST_PER_USER)} are the most. Close a stream, or wait.`;
      throw new DomainError('rate_limited', words, { retryAfterSeconds: RETRY_SECONDS });
    }
    if (this.inAll > 0 && this.inAll + replicas > MOST_IN_ALL)
      throw new DomainError('try_again', 'The logs of too many replicas are followed.', { retryAfterSeconds: RETRY_SECONDS });
  }

  /** Counts one, also beyond the limits: a stream that is open follows what joins. Returns the function that takes it off again. */
  add(userId: string): () => void {
    this.count(userId, 1);
    return () => this.count(userId, -1);
  }

  private count(userId: string, by: number): void {
    const own = (this.taken.get(userId) ?? 0) + by;
    if (own > 0) this.taken.set(userId, own);
    else this.taken.delete(userId);
    this.inAll += by;
  }
}
