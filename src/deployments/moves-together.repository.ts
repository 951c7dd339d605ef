import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { PubSub } from '../database/pub-sub';
import { StatementBatcher } from '../database/statement-batcher';
import { OUTBOX_TOPIC } from '../events/events';
import { DEPLOYMENT_TOPIC } from './deployments.repository';
import { canTransition, type DeploymentStatus } from './domain/deployment-status';
import { MOVE_COLUMNS, MOVED } from './replica-moves.sql';
import { requireLegal, type ReplicaMove } from './replicas.repository';

/** Moves of the replicas of one deployment, and with them perhaps its own, as a job of the reconciler records them. */
export interface DeploymentMoves {
  readonly deployment: { readonly id: string; readonly version: number; readonly status: DeploymentStatus };
  readonly job: { readonly id: string; readonly claim: string };
  readonly moves: readonly ReplicaMove[];
  readonly change: { readonly to: DeploymentStatus; readonly reason: string } | null;
}

/** So many deployments share a statement at most, and so many statements are under way. */
const [MOST_TOGETHER, AT_ONCE] = [32, 2];

/**
 * Records moves of several deployments that come together with one statement, which is a transaction of its own. It does for each
 * what a transaction with `lockAtVersion`, `move` and `changeStatus` does, or nothing.
 */
@Injectable()
export class MovesTogetherRepository {
  private readonly together = new StatementBatcher<DeploymentMoves, true>((all) => this.recordAll(all), MOST_TOGETHER, AT_ONCE);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly pubSub: PubSub,
  ) {}

  /**
   * False when nothing of it is recorded: the deployment is no longer at this version, the claim is lost, or somebody else holds the
   * row just now, for whom the others do not wait.
   */
  async record(moves: DeploymentMoves): Promise<boolean> {
    const { deployment, change } = moves;
    requireLegal(moves.moves);
    if (change && !canTransition(deployment.status, change.to)) {
      throw new Error(`Deployment ${deployment.id} cannot move from ${deployment.status} to ${change.to}`);
    }
    return (await this.together.get(moves)) ?? false;
  }

  private async recordAll(all: readonly DeploymentMoves[]): Promise<(true | null)[]> {
    const deployments = all.map(({ deployment, job, change }) => ({
      id: deployment.id,
      version: deployment.version,
      job: job.id,
      claim: job.claim,
      to: change?.to ?? null,
      reason: change?.reason ?? null,
    }));
    const moves = all.flatMap(({ deployment, moves: own }) => own.map((move) => ({ deployment: deployment.id, ...move })));
    const rows = await this.dataSource.query<{ id: string }[]>(RECORD, [JSON.stringify(deployments), JSON.stringify(moves)]);
    const recorded = new Set(rows.map(({ id }) => id));
    const changed = all.filter(({ deployment, change }) => change && recorded.has(deployment.id));
    for (const { deployment } of changed) this.pubSub.publish(DEPLOYMENT_TOPIC, deployment.id);
    if (changed.length > 0) this.pubSub.publish(OUTBOX_TOPIC, 'new');
    return all.map(({ deployment }) => recorded.has(deployment.id) || null);
  }
}

/**
 * $1 deployments and $2 moves as JSON. Rows are locked in id order before anything is written; one that is locked already is left
 * out, so this waits for nobody.
 */
const RECORD = `
  WITH asked AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS a(id uuid, version int, job bigint, claim uuid, "to" text, reason text)),
  locked AS MATERIALIZED (
    SELECT d.id, d.status, a."to", a.reason FROM asked AS a JOIN deployments AS d ON d.id = a.id AND d.version = a.version
     WHERE EXISTS (SELECT 1 FROM jobs AS j WHERE j.id = a.job AND j.claim = a.claim)
     ORDER BY d.id FOR UPDATE OF d SKIP LOCKED),
  moved AS (
    UPDATE deployment_replicas AS r
       SET ${MOVED}
      FROM jsonb_to_recordset($2::jsonb) AS m(deployment uuid, ${MOVE_COLUMNS})
     WHERE m.deployment IN (SELECT id FROM locked)
       AND r.id = m."replicaId" AND r.deployment_id = m.deployment AND r.status = m."from"),
  changed AS (
    UPDATE deployments AS d SET status = l."to", version = d.version + 1, updated_at = clock_timestamp()
      FROM locked AS l WHERE d.id = l.id AND l."to" IS NOT NULL
    RETURNING d.id, l.status AS "from", l."to", l.reason),
  history AS (
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason)
    SELECT id, "from", "to", reason FROM changed ORDER BY id)
  SELECT id FROM locked`;
