import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { PubSub } from '../database/pub-sub';
import { afterCommit, inTransaction } from '../database/transaction';
import { JobQueue } from '../jobs/job-queue';
import type { ProbeTarget, StoredProbe } from './probe-target';

/** The topic that tells probers of new runs; the payload is the id of a node. A hint: they also look by themselves. */
export const CHECKS_TOPIC = 'fog_checks';

/** A run of a replica with a health check, as its engine showed it. */
export interface Sighting {
  readonly replicaId: string;
  readonly run: string;
  /** Null where the engine itself checks. `healthy` and `reason` count only then. */
  readonly probe: StoredProbe | null;
  readonly healthy: boolean | null;
  readonly reason: string | null;
}

/** What a prober has found out. `claim` is that of its job for the node: without it nothing is written. */
export interface Finding {
  readonly replicaId: string;
  readonly run: string;
  readonly healthy: boolean | null;
  readonly reason: string | null;
  readonly claim: string;
}

/**
 * The table `replica_checks`. It holds observations and decides nothing: the reconciler reads it before it plans, so these writes
 * take no lock of a deployment. A row is about one run, and what is known of one run never counts for another.
 */
@Injectable()
export class ChecksRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly jobs: JobQueue,
    private readonly pubSub: PubSub,
  ) {}

  /** Notes runs that are new, and what engines say of their own checks. Makes sure that the nodes of new runs are probed. */
  async note(sightings: readonly Sighting[]): Promise<void> {
    if (sightings.length === 0) return;
    await inTransaction(this.dataSource, async (tx) => {
      const rows = await tx.query<{ nodeId: string }[]>(NOTE, [JSON.stringify(sightings)]);
      const nodes = [...new Set(rows.map(({ nodeId }) => nodeId))].sort();
      await this.jobs.enqueue(
        tx,
        nodes.map((key) => ({ kind: 'node.probe', key })),
      );
      afterCommit(tx, () => nodes.forEach((id) => this.pubSub.publish(CHECKS_TOPIC, id)));
    });
  }

  /** Everything that is to be probed on these nodes now; one statement. */
  targets(nodeIds: readonly string[]): Promise<ProbeTarget[]> {
    return this.dataSource.query<ProbeTarget[]>(TARGETS, [nodeIds]);
  }

  /**
   * Records findings and wakes the deployments whose health changed, in one transaction. What is about another run by now, about
   * a replica that has ended, or from a prober that has lost its claim changes nothing.
   */
  async record(findings: readonly Finding[]): Promise<void> {
    await inTransaction(this.dataSource, async (tx) => {
      const rows = await tx.query<{ key: string }[]>(RECORD, [JSON.stringify(findings)]);
      await this.jobs.enqueue(
        tx,
        rows.map(({ key }) => ({ kind: 'deployment.reconcile', key })),
      );
    });
  }

  /** Makes a job for every node that has something to probe and has none, as when a wish was lost. */
  async enqueueLost(): Promise<void> {
    await this.dataSource.query(ENQUEUE_LOST);
  }
}

/** $1 sightings as JSON. Returns the nodes that have something new to probe. */
const NOTE = `
  WITH seen AS (
    SELECT s.*, r.deployment_id, r.node_id
      FROM jsonb_to_recordset($1::jsonb) AS s("replicaId" uuid, run text, probe jsonb, healthy boolean, reason text)
      JOIN deployment_replicas AS r ON r.id = s."replicaId"),
  noted AS (
    INSERT INTO replica_checks AS c (replica_id, deployment_id, run, probe, healthy, reason)
    SELECT "replicaId", deployment_id, run, nullif(probe, 'null'), healthy, reason FROM seen ORDER BY "replicaId"
        ON CONFLICT (replica_id) DO UPDATE
       SET run = excluded.run, probe = excluded.probe, healthy = excluded.healthy, reason = excluded.reason,
           seen_at = CASE WHEN c.run = excluded.run THEN c.seen_at ELSE excluded.seen_at END
     WHERE c.run <> excluded.run OR excluded.probe IS NULL
    RETURNING replica_id, probe)
  SELECT DISTINCT s.node_id AS "nodeId"
    FROM noted AS n JOIN seen AS s ON s."replicaId" = n.replica_id WHERE n.probe IS NOT NULL`;

const LIVE = `r.status IN ('starting', 'running')`;

/** $1 nodes. A paused container cannot answer, which is not its fault. */
const TARGETS = `
  SELECT c.replica_id AS "replicaId", d.user_id AS "ownerId", r.node_id AS "nodeId", c.run, c.probe, n.address, n.endpoint,
         c.healthy, c.reason, (extract(epoch FROM clock_timestamp() - c.seen_at) * 1000)::float8 AS "seenMsAgo"
    FROM deployment_replicas AS r
    JOIN replica_checks AS c ON c.replica_id = r.id AND c.probe IS NOT NULL
    JOIN deployments AS d ON d.id = r.deployment_id
    JOIN nodes AS n ON n.id = r.node_id
   WHERE r.node_id = ANY($1::uuid[]) AND ${LIVE} AND r.paused_at IS NULL`;

/** $1 findings as JSON. Returns the deployments whose health changed. */
const RECORD = `
  WITH found AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS f("replicaId" uuid, run text, healthy boolean, reason text, claim uuid)),
  before AS (
    SELECT c.replica_id, c.deployment_id, c.healthy AS was, f.healthy, f.reason
      FROM found AS f
      JOIN replica_checks AS c ON c.replica_id = f."replicaId" AND c.run = f.run
      JOIN deployment_replicas AS r ON r.id = c.replica_id AND ${LIVE}
      JOIN jobs AS j ON j.kind = 'node.probe' AND j.key = r.node_id::text AND j.claim = f.claim
     ORDER BY c.replica_id FOR UPDATE OF c),
  written AS (
    UPDATE replica_checks AS c SET healthy = b.healthy, reason = b.reason FROM before AS b WHERE c.replica_id = b.replica_id)
  SELECT DISTINCT deployment_id::text AS key FROM before WHERE was IS DISTINCT FROM healthy ORDER BY 1`;

const ENQUEUE_LOST = `
  INSERT INTO jobs (kind, key)
  SELECT DISTINCT 'node.probe', r.node_id::text
    FROM replica_checks AS c JOIN deployment_replicas AS r ON r.id = c.replica_id
   WHERE c.probe IS NOT NULL AND ${LIVE}
   ORDER BY 2
      ON CONFLICT (kind, key) DO NOTHING`;
