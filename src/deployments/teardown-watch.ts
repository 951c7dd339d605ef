import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Notifications } from '../jobs/notifications';

/** The channel that tells, by deployment id, that a teardown made progress. */
export const TEARDOWN_CHANNEL = 'fog_teardown';

const LOOK_ANYWAY_MS = 1_000;

export interface TeardownState {
  /** No replica is stopping and no reservation is open. */
  readonly complete: boolean;
  /** Of the replicas that were asked to stop, how many are confirmed stopped. */
  readonly stopped: number;
  readonly stopping: number;
  readonly released: boolean;
}

/** Follows a teardown from the database's point of view, whichever process does the work. */
@Injectable()
export class TeardownWatch implements OnModuleDestroy {
  private isEnding = false;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly notifications: Notifications,
  ) {}

  /** A process that ends answers with what is true so far: its workers stop before its last requests do. */
  onModuleDestroy(): void {
    this.isEnding = true;
  }

  /** Resolves when the teardown is complete or `timeoutMs` have passed, with what is true then. */
  async wait(deploymentId: string, replicaIds: readonly string[], timeoutMs: number): Promise<TeardownState> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const progress = this.notifications.next(
        TEARDOWN_CHANNEL,
        deploymentId,
        Math.min(LOOK_ANYWAY_MS, Math.max(0, end - performance.now())),
      );
      const state = await this.look(deploymentId, replicaIds);
      if (state.complete || this.isEnding || performance.now() >= end) return state;
      await progress;
    }
  }

  private async look(deploymentId: string, replicaIds: readonly string[]): Promise<TeardownState> {
    const [row] = await this.dataSource.query<{ stopped: number; stopping: number; open: number }[]>(LOOK, [deploymentId, replicaIds]);
    const { stopped, stopping, open } = row ?? { stopped: 0, stopping: 0, open: 0 };
    return { complete: stopping === 0 && open === 0, stopped, stopping, released: open === 0 };
  }
}

const LOOK = `
  SELECT count(*) FILTER (WHERE status = 'stopped' AND id = ANY($2::uuid[]))::int AS stopped,
         count(*) FILTER (WHERE status = 'stopping')::int AS stopping,
         (SELECT count(*)::int FROM reservations WHERE deployment_id = $1 AND released_at IS NULL) AS open
    FROM deployment_replicas WHERE deployment_id = $1`;
