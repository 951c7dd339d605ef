import { AsyncResource } from 'node:async_hooks';
import { Pool, type PoolClient, type PoolConfig } from 'pg';
import { ConnectionLanes, currentLane } from './connection-lanes';

interface SharingPoolConfig extends PoolConfig {
  /** False in a process that only works in the background. */
  readonly servesRequests?: boolean;
}

type Connected = (error: Error | undefined, client: PoolClient | undefined, done: (release?: boolean | Error) => void) => void;

/** The pool of connections, shared by the rules of `ConnectionLanes`. TypeORM lets us bring it. */
export class SharingPool extends Pool {
  private readonly lanes: ConnectionLanes;
  private readonly laneOf = new Map<PoolClient, string>();

  constructor(config: SharingPoolConfig = {}) {
    super(config);
    this.lanes = new ConnectionLanes(config.max ?? 10, { servesRequests: config.servesRequests ?? true });
    this.on('release', (_error, client) => {
      const lane = this.laneOf.get(client);
      this.laneOf.delete(client);
      if (lane !== undefined) this.lanes.leave(lane);
    });
  }

  /** How many wait for a place of their lane, besides those who wait for any connection. */
  get waitingInLanes(): number {
    return this.lanes.waitingCount;
  }

  // The overloads of pg's own `connect` cannot be repeated here; all calls arrive in this one.
  override connect = ((callback?: Connected): unknown => {
    if (callback) {
      this.connectInLane(callback);
      return undefined;
    }
    return new Promise<PoolClient>((resolve, reject) => {
      this.connectInLane((error, client) => (client ? resolve(client) : reject(error ?? new Error('No connection'))));
    });
  }) as Pool['connect'];

  private connectInLane(callback: Connected): void {
    const lane = currentLane();
    if (lane === undefined) {
      super.connect(callback);
      return;
    }
    const enter = (): void => {
      super.connect((error, client, done) => {
        if (client) this.laneOf.set(client, lane);
        else this.lanes.leave(lane);
        callback(error, client, done);
      });
    };
    const giveUp = (): void => callback(new Error('timeout exceeded when trying to connect'), undefined, () => undefined);
    // Who waited goes on in its own lane, and not in that of the one whose end made the place free.
    const own = new AsyncResource('SharingPool');
    this.lanes.enter(lane, () => own.runInAsyncScope(enter), {
      withinMs: this.options.connectionTimeoutMillis ?? 0,
      giveUp: () => own.runInAsyncScope(giveUp),
    });
  }
}
