import type { LiveReplica, LiveReplicas } from '../../deployments/live-replicas.repository';
import type { StreamSource } from '../../events/open-streams';
import type { RuntimeDriver } from '../../runtime/runtime-driver';
import { BoundedQueue } from './bounded-queue';
import { endFrame, lineFrame, pausedFrame, PREAMBLE, replicaFrame, type FollowedReplica, type ReplicaNews } from './log-events';
import { LogPosition } from './log-position';
import { ReplicaFollower } from './replica-follower';

/** Lines of all replicas that wait for the client. Beyond that the engines wait. */
const MOST_WAITING = 64;
/** How much is sent before the budget is asked whether it goes on. */
const BUDGET_STEP = 20_000;

export interface WantedLog {
  readonly since: string | null;
  readonly tailLines: number;
  /** Where a stream that broke off has ended; null: it begins. */
  readonly position: LogPosition | null;
}

interface Surroundings {
  /** Tells `listener` again and again which replicas there are; null when the deployment is gone. Returns what ends that. */
  readonly watch: (listener: (found: LiveReplicas | null) => void) => () => void;
  readonly driverFor: (replica: LiveReplica) => RuntimeDriver | null;
  /** Counts what was sent. Returns for how many milliseconds the stream has to pause. */
  readonly spend: (bytes: number) => Promise<number>;
  /** Counts a replica that is followed. Returns what takes it off again. */
  readonly count: () => () => void;
  readonly signal: AbortSignal;
}

interface Item {
  readonly replica: FollowedReplica;
  readonly news: ReplicaNews;
}

/** The server-sent events of one client that follows the logs of a deployment, for as long as that has containers or may get some. */
export class LogStream implements StreamSource {
  private readonly queue = new BoundedQueue<Item>(MOST_WAITING, () => this.wake());
  private readonly followers = new Map<string, ReplicaFollower>();
  private readonly position: LogPosition;
  private isFirstLook = true;
  private found: LiveReplicas | null | undefined;
  private failure: Error | undefined;
  private beatIsDue = false;
  private unspent = 0;
  private wake: () => void = () => undefined;
  takenAt = performance.now();

  constructor(
    private readonly wanted: WantedLog,
    private readonly around: Surroundings,
  ) {
    this.position = wanted.position ?? new LogPosition();
  }

  beat(): void {
    this.beatIsDue = true;
    this.wake();
  }

  async *frames(): AsyncGenerator<string, void> {
    const { signal } = this.around;
    const wakeUp = (): void => this.wake();
    signal.addEventListener('abort', wakeUp);
    const leave = this.around.watch((found) => this.look(found));
    try {
      yield PREAMBLE;
      while (!signal.aborted) {
        const text = this.next();
        this.takenAt = performance.now();
        if (text !== null) {
          yield text;
          yield* this.pace(text.length);
        } else if (this.isOver()) {
          yield endFrame(this.found ? 'The deployment was deleted' : 'The deployment no longer exists');
          break;
        } else {
          await this.idle();
        }
      }
    } finally {
      leave();
      this.queue.close();
      signal.removeEventListener('abort', wakeUp);
    }
  }

  private next(): string | null {
    if (this.failure) throw this.failure;
    if (this.beatIsDue) return this.heartbeat();
    const item = this.queue.take();
    if (item === undefined) return null;
    const { replica, news } = item;
    if (news.kind !== 'line') {
      if (news.kind === 'left') this.position.forget(replica.id);
      return replicaFrame(replica, news);
    }
    this.position.note(replica.id, news.line);
    return lineFrame(replica, news.line, this.position);
  }

  private heartbeat(): string {
    this.beatIsDue = false;
    return ': still here\n\n';
  }

  private isOver(): boolean {
    const isGone = this.found === null || (this.found?.deleted === true && this.found.replicas.length === 0);
    return isGone && this.followers.size === 0;
  }

  /** A client that has read as much as a minute allows waits, and is told that it does. */
  private async *pace(bytes: number): AsyncGenerator<string, void> {
    this.unspent += bytes;
    if (this.unspent < BUDGET_STEP) return;
    const pauseMs = await this.around.spend(this.unspent);
    this.unspent = 0;
    if (pauseMs === 0) return;
    yield pausedFrame(Math.ceil(pauseMs / 1000));
    const goOnAt = performance.now() + pauseMs;
    while (performance.now() < goOnAt && !this.around.signal.aborted) {
      this.takenAt = performance.now();
      if (this.beatIsDue) yield this.heartbeat();
      else await this.wokenWithin(goOnAt - performance.now());
    }
  }

  private look(found: LiveReplicas | null): void {
    this.found = found;
    const replicas = new Map(found?.replicas.map((replica) => [replica.id, replica]));
    if (this.isFirstLook) this.position.keepOnly([...replicas.keys()]);
    for (const [id, follower] of this.followers) {
      const replica = replicas.get(id);
      if (replica) follower.see(replica);
      else follower.leave();
    }
    for (const [id, replica] of replicas) if (!this.followers.has(id)) this.follow(replica);
    this.isFirstLook = false;
    this.wake();
  }

  /** What a replica has written that came later, or while the client was away, is wanted from its beginning. */
  private follow(replica: LiveReplica): void {
    const who = { id: replica.id, nodeName: replica.node.name };
    const tell = (news: ReplicaNews): Promise<void> => this.queue.put({ replica: who, news });
    const follower = new ReplicaFollower(replica, {
      driver: this.around.driverFor(replica),
      position: this.position.of(replica.id),
      since: this.wanted.since,
      tailLines: this.isFirstLook && this.wanted.position === null ? this.wanted.tailLines : null,
      tell,
      signal: this.around.signal,
    });
    this.followers.set(replica.id, follower);
    const run = async (): Promise<void> => {
      await tell({ kind: 'joined' });
      await follower.run();
      await tell({ kind: 'left' });
    };
    const discount = this.around.count();
    run()
      .catch((error: unknown) => (this.failure = error instanceof Error ? error : new Error(String(error))))
      .finally(() => {
        discount();
        this.followers.delete(replica.id);
        this.wake();
      });
  }

  private idle(): Promise<void> {
    return this.around.signal.aborted || this.beatIsDue ? Promise.resolve() : this.woken();
  }

  private async wokenWithin(ms: number): Promise<void> {
    const timer = setTimeout(() => this.wake(), ms);
    await this.woken();
    clearTimeout(timer);
  }

  private woken(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }
}
