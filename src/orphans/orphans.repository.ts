import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Page } from '../common/http/page-headers';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import { ContainerVault, storedContainerOf, type StoredContainer } from '../deployments/spec/container-vault';
import { unavailableWords } from '../nodes/node-status.sql';
import type { OrphanKind, OrphanState, OrphanView } from './orphan.types';

export interface OrphanFilters {
  readonly kind: OrphanKind | null;
  readonly nodeId: string | null;
  /** Null: those that have not ended. */
  readonly state: OrphanState | null;
}

type Deployment = NonNullable<OrphanView['deployment']>;

/** As the database gives it. */
type Stored = Omit<OrphanView, 'deployment'> & {
  readonly deployment: (Omit<Deployment, 'spec'> & { readonly spec: StoredContainer }) | null;
};

/** Reads orphans that were seen twice at least, and moves them. What was seen only once may be in the middle of something. */
@Injectable()
export class OrphansRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly vault: ContainerVault,
  ) {}

  /** Newest first. */
  async page({ kind, nodeId, state }: OrphanFilters, { limit, offset }: Page): Promise<{ rows: OrphanView[]; total: number }> {
    const filters = [kind, nodeId, state];
    const [rows, [count]] = await Promise.all([
      this.dataSource.query<Stored[]>(PAGE, [this.config.NODE_OFFLINE_AFTER_SECONDS, ...filters, limit, offset]),
      this.dataSource.query<{ total: number }[]>(COUNT, filters),
    ]);
    return { rows: rows.map((row) => this.opened(row)), total: count?.total ?? 0 };
  }

  /** Null when there is no such orphan, or when it has vanished by itself. */
  async find(id: string): Promise<OrphanView | null> {
    return this.read(this.dataSource, id);
  }

  /** The deployment that it names; null when it names none, undefined when there is no such orphan. */
  async deploymentOf(tx: Tx, id: string): Promise<string | null | undefined> {
    const [row] = await tx.query<{ deploymentId: string | null }[]>(
      `SELECT deployment_id AS "deploymentId" FROM orphans WHERE id = $1 AND sightings >= 2`,
      [id],
    );
    return row?.deploymentId;
  }

  /** The orphan, with its row locked until the transaction ends. The caller has locked the row of its deployment before. */
  async lock(tx: Tx, id: string): Promise<OrphanView | null> {
    await tx.query(`SELECT 1 FROM orphans WHERE id = $1 FOR UPDATE`, [id]);
    return this.read(tx, id);
  }

  /** Records a decision about an orphan that the caller has locked. */
  async decide(tx: Tx, id: string, state: Exclude<OrphanState, 'found'>, userId: string): Promise<void> {
    await tx.query(
      `UPDATE orphans SET state = $2, version = version + 1, decided_at = clock_timestamp(), decided_by = $3,
              ended_at = CASE WHEN $2 <> 'reaping' THEN clock_timestamp() END
        WHERE id = $1`,
      [id, state, userId],
    );
  }

  private async read(manager: Pick<Tx, 'query'>, id: string): Promise<OrphanView | null> {
    const [row] = await manager.query<Stored[]>(`${VIEW} AND o.id = $2`, [this.config.NODE_OFFLINE_AFTER_SECONDS, id]);
    return row ? this.opened(row) : null;
  }

  /** Without values of `env` that cannot be decrypted: then its container is taken for another one, and is not adopted. */
  private opened({ deployment, ...row }: Stored): OrphanView {
    if (deployment === null || row.deploymentId === null) return { ...row, deployment: null };
    const { spec } = deployment;
    return { ...row, deployment: { ...deployment, spec: this.vault.runOrNull(spec, row.deploymentId) ?? { ...spec, env: {} } } };
  }
}

/** $1 seconds of silence after which a node is offline. */
const VIEW = `
  SELECT o.id, o.kind, o.subject, o.node_id AS "nodeId", n.name AS "nodeName", ${unavailableWords('$1')} AS "nodeFault",
         o.engine_id AS "engineId", o.replica_id AS "replicaId", o.facts, o.state, o.version, o.sightings,
         o.first_seen_at AS "firstSeenAt", o.last_seen_at AS "lastSeenAt", o.decided_at AS "decidedAt", o.attempts,
         o.last_error AS "lastError", o.ended_at AS "endedAt", o.deployment_id AS "deploymentId",
         (SELECT r.status FROM deployment_replicas AS r WHERE r.id = o.replica_id) AS "replicaStatus",
         CASE WHEN d.id IS NOT NULL THEN CASE WHEN d.deleted_at IS NULL THEN 'live' ELSE 'deleted' END
              WHEN EXISTS (SELECT 1 FROM purged_deployments AS p WHERE p.deployment_id = o.deployment_id) THEN 'purged'
              ELSE 'unknown' END AS knowledge,
         CASE WHEN d.id IS NOT NULL THEN json_build_object(
           'name', d.name, 'ownerId', d.user_id, 'status', d.status, 'generation', d.generation,
           'revision', d.current_revision, 'openRollout', d.open_rollout, 'targetReplicas', d.target_replicas,
           'running', (SELECT count(*) FROM deployment_replicas AS r
                        WHERE r.deployment_id = d.id
                          AND (r.status = 'running'
                               OR r.completed_at IS NOT NULL AND r.generation = d.generation AND r.superseded_at IS NULL)),
           'spec', ${storedContainerOf('v')}, 'imageDigest', v.image_digest) END AS deployment
    FROM orphans AS o
    LEFT JOIN nodes AS n ON n.id = o.node_id
    LEFT JOIN deployments AS d ON d.id = o.deployment_id
    LEFT JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.number = d.current_revision
   WHERE o.sightings >= 2`;

/** The filters; the parameters are kind, node and state, null for all. */
const matches = (kind: string, node: string, state: string): string => `
  (${kind}::text IS NULL OR o.kind = ${kind}) AND (${node}::uuid IS NULL OR o.node_id = ${node})
  AND CASE WHEN ${state}::text IS NULL THEN o.ended_at IS NULL ELSE o.state = ${state} END`;

/** $2 kind, $3 node, $4 state, $5 limit, $6 offset. */
const PAGE = `${VIEW} AND ${matches('$2', '$3', '$4')}
   ORDER BY o.first_seen_at DESC, o.id LIMIT $5 OFFSET $6`;

/** $1 kind, $2 node, $3 state. */
const COUNT = `SELECT count(*)::int AS total FROM orphans AS o WHERE o.sightings >= 2 AND ${matches('$1', '$2', '$3')}`;
