import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { DriverError } from '../runtime-driver';

interface Change {
  nodeId: string;
  /** Null when the whole node cannot be reached. */
  replicaId: string | null;
  deploymentId: string | null;
  at: string;
}

interface Listener {
  readonly nodeId: string;
  readonly changed: (change: { deploymentId: string; replicaId: string }) => void;
  readonly broken: (error: DriverError) => void;
}

const POLL_MS = 700;

/**
 * What became ready, ended or was removed in the last seconds, on any node. It reads three index ranges, so it costs the same
 * at any size. A workload that was ready when it was created is left out, because its creator knows.
 */
const RECENT = `
  SELECT node_id AS "nodeId", replica_id AS "replicaId", deployment_id AS "deploymentId", ready_at::text AS at
    FROM simulated_workloads
   WHERE ready_at > statement_timestamp() - interval '10 seconds' AND ready_at <= statement_timestamp() AND ready_at > started_at
   UNION ALL
  SELECT node_id, replica_id, deployment_id, exits_at::text FROM simulated_workloads
   WHERE exits_at > statement_timestamp() - interval '10 seconds' AND exits_at <= statement_timestamp()
   UNION ALL
  SELECT node_id, replica_id, deployment_id, gone_at::text FROM simulated_workloads
   WHERE gone_at > statement_timestamp() - interval '10 seconds' AND gone_at <= statement_timestamp()
   UNION ALL
  SELECT node_id, NULL, NULL, since::text FROM simulated_node_faults`;

/** Polls once for all nodes that the process watches, and not at all while it watches none. */
export class SimulatedChanges {
  private readonly listeners = new Set<Listener>();
  private told = new Set<string>();
  private polling = false;

  constructor(private readonly dataSource: DataSource) {}

  /** Resolves on abort; throws `unreachable` when the node or the database goes away. */
  watch(nodeId: string, changed: Listener['changed'], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const end = (finish: () => void): void => {
        this.listeners.delete(listener);
        signal.removeEventListener('abort', onAbort);
        finish();
      };
      const onAbort = (): void => end(resolve);
      const listener: Listener = { nodeId, changed, broken: (error) => end(() => reject(error)) };
      signal.addEventListener('abort', onAbort, { once: true });
      this.listeners.add(listener);
      if (!this.polling) void this.poll();
    });
  }

  private async poll(): Promise<void> {
    this.polling = true;
    while (this.listeners.size > 0) {
      try {
        this.tell(await this.dataSource.query<Change[]>(RECENT));
      } catch (error) {
        const broken = new DriverError('unreachable', 'The simulated engine does not answer', { cause: error });
        for (const listener of [...this.listeners]) listener.broken(broken);
      }
      await sleep(POLL_MS, undefined, { ref: false });
    }
    this.polling = false;
  }

  /** The ranges of two polls overlap, so that a change that commits late is not missed; each change is reported once. */
  private tell(changes: readonly Change[]): void {
    const seen = new Set<string>();
    for (const change of changes) {
      const key = `${change.nodeId} ${change.replicaId ?? ''} ${change.at}`;
      seen.add(key);
      for (const listener of [...this.listeners].filter(({ nodeId }) => nodeId === change.nodeId)) {
        if (change.replicaId === null || change.deploymentId === null) {
          listener.broken(new DriverError('unreachable', 'The simulated engine does not answer'));
        } else if (!this.told.has(key)) {
          listener.changed({ deploymentId: change.deploymentId, replicaId: change.replicaId });
        }
      }
    }
    this.told = seen;
  }
}
