import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { ProgressWatch } from '../jobs/progress-watch';

/** The topic that tells, by deployment id, that a teardown made progress. */
export const TEARDOWN_TOPIC = 'fog_teardown';

export interface TeardownState {
  /** No replica is stopping and no reservation is open, except for replicas that are kept for a restore. */
  readonly complete: boolean;
  /** How many of the replicas that were asked to stop are confirmed stopped or suspended. */
  readonly stopped: number;
  readonly stopping: number;
  /** No reservation is open, not even of a suspended replica. */
  readonly released: boolean;
}

/** Follows a teardown by what the database shows, whichever process does the work. */
@Injectable()
export class TeardownWatch {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly progress: ProgressWatch,
  ) {}

  /**
   * Resolves when the teardown is complete, after `timeoutMs`, when `lost` aborts, or when the process ends, with the state at
   * that time.
   */
  wait(deploymentId: string, replicaIds: readonly string[], until: { timeoutMs: number; lost: AbortSignal }): Promise<TeardownState> {
    return this.progress.follow(
      { topic: TEARDOWN_TOPIC, key: deploymentId, ...until },
      () => this.look(deploymentId, replicaIds),
      ({ complete }) => complete,
    );
  }

  private async look(deploymentId: string, replicaIds: readonly string[]): Promise<TeardownState> {
    const [row] = await this.dataSource.query<{ stopped: number; stopping: number; suspended: number; reserved: number }[]>(LOOK, [
      deploymentId,
      replicaIds,
    ]);
    const { stopped, stopping, suspended, reserved } = row ?? { stopped: 0, stopping: 0, suspended: 0, reserved: 0 };
    const open = reserved - suspended;
    return { complete: stopping === 0 && open === 0, stopped, stopping, released: reserved === 0 };
  }
}

/** $1 deployment, $2 replicas that were asked to stop. A suspended replica holds exactly one reservation. */
const LOOK = `
  SELECT count(*) FILTER (WHERE (status = 'stopped' OR suspended_at IS NOT NULL) AND id = ANY($2::uuid[]))::int AS stopped,
         count(*) FILTER (WHERE status = 'stopping' AND suspended_at IS NULL)::int AS stopping,
         count(*) FILTER (WHERE status = 'stopping' AND suspended_at IS NOT NULL)::int AS suspended,
         (SELECT count(*)::int FROM reservations WHERE deployment_id = $1 AND released_at IS NULL) AS reserved
    FROM deployment_replicas WHERE deployment_id = $1`;
