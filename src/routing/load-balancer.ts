import type { RouteTable } from './route-table';
import type { Traffic } from './traffic';

/** What a balancer serves now, as it says itself. */
export interface LiveRoutes {
  /** By deployment, the version of the table that is live. A table without routes counts as live from its removal on. */
  readonly versions: ReadonlyMap<string, number>;
  /** Replicas of no live table that still answer requests from before. */
  readonly busy: readonly string[];
}

/**
 * What sends requests to replicas. Drivers promise what `test/contract/load-balancer.contract.ts` checks: a table is taken whole
 * or not at all; the same table twice changes nothing; an older one never replaces a newer one; a request that is under way
 * when its replica leaves the table goes on to its end.
 */
export abstract class LoadBalancer {
  abstract readonly kind: string;
  /** Where it listens, for people. */
  abstract readonly address: string;

  /** Where it is reached, or why not yet, in words for the start of the program. */
  abstract words(): Promise<string>;

  /** Serves these tables. Rejects, in words, when it cannot be reached. That it resolves proves nothing; `live` does. */
  abstract apply(tables: readonly RouteTable[]): Promise<void>;

  abstract live(): Promise<LiveRoutes>;

  /** What has passed through it, as the last `live` has shown it. Null: it does not tell. */
  get traffic(): Traffic | null {
    return null;
  }

  /** The name of a balancer that other processes lead to as well: only one of them at a time may. Null: it is of this process alone. */
  sharedName(): Promise<string | null> {
    return Promise.resolve(null);
  }

  /** What it was told before does not hold any more: another process has led it since. */
  forget(): void {
    return;
  }

  /** Ends what runs in this process: no new connections, and what is under way gets a moment to end. */
  abstract close(): Promise<void>;
}
