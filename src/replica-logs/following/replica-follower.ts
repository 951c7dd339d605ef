import { setTimeout as sleep } from 'node:timers/promises';
import { abortWith } from '../../common/abort-with';
import type { LiveReplica } from '../../deployments/live-replicas.repository';
import { DriverError, type RuntimeDriver } from '../../runtime/runtime-driver';
import type { ReplicaNews } from './log-events';
import type { ReplicaPosition } from './log-position';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** For so long an engine may be silent before it is believed to send nothing more of a replica that has gone. */
const LEAVE_AFTER_MS = 3_000;

interface Following {
  /** Null: nodes of this kind are not served here. */
  readonly driver: RuntimeDriver | null;
  /** How far the log was told; the follower moves it. */
  readonly position: ReplicaPosition;
  /** What is wanted of a log of which nothing was told yet. */
  readonly since: string | null;
  readonly tailLines: number | null;
  /** Resolves when there is room for more. */
  readonly tell: (news: ReplicaNews) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Follows the log of one replica, for as long as it may have a container, over every interruption of its engine. */
export class ReplicaFollower {
  private readonly end: AbortController;
  private attempt = new AbortController();
  private rest = new AbortController();
  private isOnline: boolean;
  private leaving = false;
  private isTelling = false;
  private isInterrupted = false;
  /** The engine has answered once: all that comes then is wanted, also when it was silent so far. */
  private hasBegun = false;
  private pauseMs = FIRST_PAUSE_MS;

  constructor(
    private readonly replica: LiveReplica,
    private readonly following: Following,
  ) {
    this.isOnline = replica.online;
    this.end = abortWith(following.signal);
  }

  /** Resolves when the replica has gone and its lines were told, or when the signal aborts. */
  async run(): Promise<void> {
    try {
      while (!this.end.signal.aborted) {
        await this.tryToFollow();
        if (this.leaving) return;
        await this.pause();
      }
    } finally {
      this.end.abort();
    }
  }

  /** Tells what the last look at the replica has shown. When its node has fallen silent, the stream is given up: it may never end. */
  see({ online }: LiveReplica): void {
    if (this.isOnline && !online) this.attempt.abort(new DriverError('unreachable', 'The node does not answer'));
    if (!this.isOnline && online) this.wake();
    this.isOnline = online;
  }

  /** The replica has no container any more. */
  leave(): void {
    if (this.leaving) return;
    this.leaving = true;
    this.rest.abort();
    const timer = setTimeout(() => {
      // A slow client still gets all lines that are there.
      if (this.isTelling) timer.refresh();
      else this.end.abort();
    }, LEAVE_AFTER_MS);
    this.end.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  }

  private wake(): void {
    this.pauseMs = FIRST_PAUSE_MS;
    this.rest.abort();
  }

  private async tryToFollow(): Promise<void> {
    this.attempt = abortWith(this.end.signal);
    try {
      await this.follow(this.attempt.signal);
      // A stream that was given up ends without a word.
      if (this.attempt.signal.reason instanceof DriverError) throw this.attempt.signal.reason;
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      if (!this.end.signal.aborted) await this.interrupted(error);
    } finally {
      this.attempt.abort();
    }
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const { driver, position, tell } = this.following;
    if (!driver) throw new DriverError('rejected', `The ${this.replica.node.runtime} runtime is not active here`);
    const lines = await driver.follow(this.replica.node, this.replica.id, { ...this.wanted(), signal });
    this.hasBegun = true;
    if (this.isInterrupted) await tell({ kind: 'resumed' });
    this.isInterrupted = false;
    const isNew = position.filter();
    for await (const line of lines ?? []) {
      if (!isNew(line)) continue;
      position.note(line);
      this.pauseMs = FIRST_PAUSE_MS;
      this.isTelling = true;
      await tell({ kind: 'line', line });
      this.isTelling = false;
    }
  }

  private wanted(): { since: string | null; tailLines: number | null } {
    const told = this.following.position.since;
    const { since, tailLines } = this.following;
    if (told === null) return { since, tailLines: this.hasBegun ? null : tailLines };
    return { since: since !== null && since > told ? since : told, tailLines: null };
  }

  private async interrupted(error: DriverError): Promise<void> {
    if (this.isInterrupted) return;
    this.isInterrupted = true;
    const reason = error.failure === 'aborted' ? 'The engine does not answer' : error.message;
    await this.following.tell({ kind: 'interrupted', reason });
  }

  /** A container that has ended, or does not exist yet, is looked at again less and less often. */
  private async pause(): Promise<void> {
    this.rest = abortWith(this.end.signal);
    const ms = this.pauseMs;
    this.pauseMs = Math.min(ms * 2, LONGEST_PAUSE_MS);
    if (!this.leaving) await sleep(ms, undefined, { signal: this.rest.signal }).catch(() => undefined);
    this.rest.abort();
  }
}
