import { Injectable } from '@nestjs/common';
import { afterCommit, type Tx } from '../database/transaction';
import { PubSub } from '../database/pub-sub';
import { Events } from '../events/events';
import { DEPLOYMENT_TOPIC, type LockedDeployment } from './deployments.repository';
import { DeploymentMetrics, type RolloutResult } from './deployment-metrics';
import type { RolloutDto } from './dto/rollout.dto';
import { goesForward, type OpenRollout, type RolloutState } from './domain/rollout';
import { COUNTED_IN_ROLLOUTS, toRollout, type RolloutRow } from './views/rollout-view.sql';
import { weightOf } from './weight.sql';

/** The event that a history row of a rollout stands for. */
type RolloutEvent = 'rollout_started' | 'rolled_out' | 'rolled_back' | 'rollout_paused';

interface Told {
  /** The reason in the history row. */
  readonly words: string;
  readonly event: RolloutEvent;
  /** Null means the control plane itself. */
  readonly changedBy: string | null;
  readonly requestId: string | null;
}

export interface RolloutStart extends Told {
  readonly revision: number;
  readonly deadlineSeconds: number;
  /** Nothing runs that could be replaced step by step: the revision is current at once, and the rollout is over with this reason. */
  readonly atOnce: string | null;
}

export interface RolloutChange {
  readonly state: RolloutState;
  /** Why, in words, for those who look at the rollout. */
  readonly reason: string | null;
  /** Nothing is left to do for it. */
  readonly finished: boolean;
  /** The revision of the rollout becomes the current one. */
  readonly makeCurrent?: boolean;
  /** Gives it a new deadline. */
  readonly deadlineSeconds?: number;
  /** The history row; null when another one says it. */
  readonly told: Told | null;
  /** As what the metrics count it; absent: it is no news for them. */
  readonly counted?: RolloutResult;
}

/** Every write to `deployment_rollouts`. Callers hold the lock of the deployment row. */
@Injectable()
export class RolloutsRepository {
  constructor(
    private readonly pubSub: PubSub,
    private readonly events: Events,
    private readonly metrics: DeploymentMetrics,
  ) {}

  /**
   * Begins a rollout, which supersedes an open one, with its history row, and counts anew what the deployment weighs in the quotas.
   * Gives it as it is shown.
   */
  async start(tx: Tx, deployment: LockedDeployment, start: RolloutStart): Promise<RolloutDto> {
    const [row] = await tx.query<{ rollout: RolloutRow; superseded: number }[]>(START, [
      ...[deployment.id, start.revision, start.deadlineSeconds, start.atOnce],
      ...[start.words, start.event, start.changedBy, start.requestId],
    ]);
    this.announce(tx, deployment.id);
    if (!row) throw new Error(`No rollout of deployment ${deployment.id} was begun`);
    this.count(tx, 'superseded', row.superseded);
    if (start.atOnce !== null) this.count(tx, 'completed');
    return toRollout(row.rollout);
  }

  /** Changes the state of the open rollout, with its history row. */
  async change(tx: Tx, deploymentId: string, { told, counted, ...change }: RolloutChange): Promise<void> {
    const [row] = await tx.query<{ number: number }[]>(CHANGE, [
      ...[deploymentId, change.state, change.reason, change.finished, change.makeCurrent ?? false, change.deadlineSeconds ?? null],
      ...[told?.words ?? null, told?.event ?? null, told?.changedBy ?? null, told?.requestId ?? null],
    ]);
    if (!row) throw new Error(`Deployment ${deploymentId} has no open rollout`);
    if (counted) this.count(tx, counted);
    this.announce(tx, deploymentId);
  }

  /**
   * Ends the open rollout because the deployment stops. With nothing left that serves, the newest wish holds: its revision becomes the
   * current one and runs from the next start on, unless the rollout had failed.
   */
  async stop(tx: Tx, deploymentId: string): Promise<void> {
    const [open] = await tx.query<OpenRollout[]>(
      `SELECT number, revision, from_revision AS "fromRevision", state FROM deployment_rollouts
        WHERE deployment_id = $1 AND finished_at IS NULL`,
      [deploymentId],
    );
    if (!open) return;
    const forward = goesForward(open);
    await this.change(tx, deploymentId, {
      state: forward ? 'superseded' : open.state,
      reason: forward ? `The deployment was stopped; revision ${open.revision} runs from the next start on` : 'The deployment was stopped',
      finished: true,
      makeCurrent: forward,
      told: null,
      ...(forward ? { counted: 'superseded' } : {}),
    });
  }

  /** Records that more new replicas are available than ever before, which moves the deadline on. */
  async noteProgress(tx: Tx, deploymentId: string, healthyReplicas: number, deadlineSeconds: number): Promise<void> {
    await tx.query(
      `UPDATE deployment_rollouts
          SET healthy_replicas = $2, deadline_at = clock_timestamp() + make_interval(secs => $3), reason = NULL
        WHERE deployment_id = $1 AND finished_at IS NULL`,
      [deploymentId, healthyReplicas, deadlineSeconds],
    );
  }

  /** Records what a rollout waits for that goes on, in words; null: nothing. The reason of any other says why it does not go on. */
  async noteWait(tx: Tx, deploymentId: string, words: string | null): Promise<void> {
    await tx.query(
      `UPDATE deployment_rollouts SET reason = $2
        WHERE deployment_id = $1 AND state = 'progressing' AND finished_at IS NULL AND reason IS DISTINCT FROM $2`,
      [deploymentId, words],
    );
  }

  private count(tx: Tx, result: RolloutResult, by = 1): void {
    if (by > 0) afterCommit(tx, () => this.metrics.countRollout(result, by));
  }

  private announce(tx: Tx, deploymentId: string): void {
    afterCommit(tx, () => this.pubSub.publish(DEPLOYMENT_TOPIC, deploymentId));
    this.events.announce(tx);
  }
}

/** An SQL statement that makes the resources row of a deployment say what a revision says. */
const takeResources = (from: string): string => `
    UPDATE deployment_resources AS s
       SET cpu_cores = (v.spec->'resources'->>'cpuCores')::numeric, memory_mb = (v.spec->'resources'->>'memoryMb')::int,
           gpu_units = (v.spec->'resources'->>'gpuUnits')::int, storage_gb = (v.spec->'resources'->>'storageGb')::int,
           ports = jsonb_array_length(v.spec->'ports')
      FROM ${from}
     WHERE s.deployment_id = $1 AND v.deployment_id = $1`;

/**
 * $1 deployment, $2 revision, $3 seconds until the deadline, $4 why it is over at once (null: it is not), $5 to $8 the history row:
 * reason, event, who, request. The new row waits for the change of the one that it supersedes, as only one may be open. No replica is of
 * the new rollout yet, so all that there are count as old.
 */
const START = `
  WITH superseded AS (
    UPDATE deployment_rollouts
       SET state = CASE WHEN state IN ('progressing', 'paused') THEN 'superseded' ELSE state END,
           reason = coalesce(CASE WHEN state NOT IN ('progressing', 'paused') THEN reason END,
                             format('Revision %s took its place', $2::int)),
           finished_at = clock_timestamp()
     WHERE deployment_id = $1 AND finished_at IS NULL
    RETURNING state),
  added AS (
    INSERT INTO deployment_rollouts (deployment_id, number, revision, from_revision, started_by, reason, state, deadline_at,
                                     finished_at)
    SELECT $1, last.number + 1, $2, d.current_revision, $7, $4,
           CASE WHEN $4::text IS NULL THEN 'progressing' ELSE 'completed' END,
           clock_timestamp() + make_interval(secs => $3), CASE WHEN $4::text IS NOT NULL THEN clock_timestamp() END
      FROM deployments AS d,
           (SELECT coalesce(max(number), 0) AS number FROM deployment_rollouts WHERE deployment_id = $1) AS last,
           (SELECT count(*) FROM superseded) AS done
     WHERE d.id = $1
    RETURNING *),
  moved AS (
    UPDATE deployments AS d
       SET version = version + 1, updated_at = clock_timestamp(), stored_bytes = ${weightOf('d')},
           open_rollout = CASE WHEN $4::text IS NULL THEN added.number END,
           current_revision = CASE WHEN $4::text IS NULL THEN current_revision ELSE $2 END,
           current_rollout = CASE WHEN $4::text IS NULL THEN current_rollout ELSE added.number END
      FROM added WHERE d.id = $1
    RETURNING d.id, d.status),
  resources AS (${takeResources('deployment_revisions AS v')} AND v.number = $2 AND $4::text IS NOT NULL),
  recorded AS (
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, event, changed_by, request_id)
    SELECT id, status, status, $5, $6, $7, $8 FROM moved)
  SELECT (SELECT count(*)::int FROM superseded WHERE state = 'superseded') AS superseded,
         json_build_array(a.revision, a.from_revision, a.state, d.target_replicas, 0, 0,
                          (SELECT count(*) FROM deployment_replicas AS r
                            WHERE r.deployment_id = d.id AND ${COUNTED_IN_ROLLOUTS}),
                          a.reason, a.started_at, a.deadline_at, a.finished_at) AS rollout
    FROM added AS a JOIN deployments AS d ON d.id = a.deployment_id`;

/**
 * $1 deployment, $2 state, $3 reason, $4 whether it is finished, $5 whether its revision becomes the current one, $6 seconds until
 * a new deadline (null: the old one stays), $7 to $10 the history row (null: none): reason, event, who, request.
 */
const CHANGE = `
  WITH changed AS (
    UPDATE deployment_rollouts
       SET state = $2, reason = $3, finished_at = CASE WHEN $4 THEN clock_timestamp() END,
           deadline_at = CASE WHEN $6::int IS NULL THEN deadline_at ELSE clock_timestamp() + make_interval(secs => $6) END
     WHERE deployment_id = $1 AND finished_at IS NULL
    RETURNING number, revision, finished_at),
  moved AS (
    UPDATE deployments AS d
       SET version = version + 1, updated_at = clock_timestamp(),
           open_rollout = CASE WHEN changed.finished_at IS NULL THEN open_rollout END,
           current_revision = CASE WHEN $5 THEN changed.revision ELSE current_revision END,
           current_rollout = CASE WHEN $5 THEN changed.number ELSE current_rollout END
      FROM changed WHERE d.id = $1
    RETURNING d.id, d.status),
  resources AS (${takeResources('deployment_revisions AS v, changed')} AND v.number = changed.revision AND $5),
  recorded AS (
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, event, changed_by, request_id)
    SELECT id, status, status, $7, $8, $9, $10 FROM moved WHERE $7::text IS NOT NULL)
  SELECT number FROM changed`;
