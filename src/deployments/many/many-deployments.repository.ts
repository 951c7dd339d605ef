import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction';
import { Events } from '../../events/events';
import { NO_STATUS } from '../domain/deployment-status';
import type { SealedContainer } from '../spec/container-vault';
import { storedBytes } from '../spec/spec-codec';
import type { DeployOrder } from '../spec/deployment-spec';

/** A deployment that is to be written. */
export interface NewDeployment {
  readonly id: string;
  readonly order: DeployOrder;
  readonly container: SealedContainer;
  /** How many bytes of it are copies of secrets. */
  readonly copies: number;
  /** Why it is `scheduled` at once, in words; null: it is `pending` first. */
  readonly scheduled: string | null;
}

/** Who deploys, and into which project. */
interface Maker {
  readonly userId: string;
  readonly projectId: string;
  readonly requestId: string;
}

/** Writes many deployments with one statement, each with the same rows as one that is deployed by itself. */
@Injectable()
export class ManyDeploymentsRepository {
  constructor(private readonly events: Events) {}

  /** Those of the names that live deployments of the project have. */
  async namesInUse(tx: Tx, projectId: string, names: readonly string[]): Promise<Set<string>> {
    const rows = await tx.query<{ name: string }[]>(
      `SELECT name FROM deployments WHERE project_id = $1 AND deleted_at IS NULL AND name = ANY($2::text[])`,
      [projectId, names],
    );
    return new Set(rows.map(({ name }) => name));
  }

  /**
   * Writes all of them, in the order of the request. False when a name has come into use meanwhile; then the transaction must not be
   * committed. Names are taken in one order, so that two such requests never wait for each other.
   */
  async insert(tx: Tx, deployments: readonly NewDeployment[], { userId, projectId, requestId }: Maker): Promise<boolean> {
    const rows = deployments.map(({ id, order, container, copies, scheduled }, place) => ({
      id,
      place,
      scheduled,
      container: container.spec,
      sealed: container.sealed?.toString('base64') ?? null,
      ...columnsOf(order, copies),
    }));
    const [created] = await tx.query<{ count: number }[]>(INSERT, [
      ...[JSON.stringify(rows), userId, NO_STATUS],
      ...['Deployment created by user', requestId, projectId],
    ]);
    this.events.announce(tx);
    return created?.count === deployments.length;
  }
}

const columnsOf = ({ spec, protectionReason }: DeployOrder, copies: number): Readonly<Record<string, unknown>> => {
  const { name, type, replicas, region, placementStrategy, labels, rollout, container } = spec;
  const { cpuCores, memoryMb, gpuUnits, storageGb } = container.resources;
  return {
    name,
    type,
    replicas,
    region,
    strategy: placementStrategy,
    labels,
    rollout,
    cpu: cpuCores,
    memory: memoryMb,
    gpu: gpuUnits,
    storage: storageGb,
    ports: container.ports.length,
    protection: protectionReason,
    bytes: storedBytes(spec) + copies,
  };
};

/**
 * $1 deployments as JSON, $2 user, $3 `none`, $4 why they are created, $5 request, $6 project. One that has its places is `scheduled`, after
 * it was `pending`. A name that is in use leaves everything but the rows of the others out.
 */
const INSERT = `
  WITH asked AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS a(
      id uuid, place int, scheduled text, name text, type text, replicas int, region text, strategy text, labels jsonb,
      rollout jsonb, container text, sealed text, cpu numeric, memory int, gpu int, storage int, ports int, protection text,
      bytes int)),
  created AS (
    INSERT INTO deployments (id, user_id, name, type, target_replicas, region, placement_strategy, labels, protection_reason,
                             stored_bytes, rollout_policy, project_id, status, version)
    SELECT id, $2, name, type, replicas, region, strategy, labels, protection, bytes, rollout, $6,
           CASE WHEN scheduled IS NULL THEN 'pending' ELSE 'scheduled' END, CASE WHEN scheduled IS NULL THEN 1 ELSE 2 END
      FROM asked ORDER BY name
        ON CONFLICT (project_id, name) WHERE deleted_at IS NULL DO NOTHING
    RETURNING id),
  counted AS (SELECT (SELECT count(*) FROM created)::int AS count, (SELECT count(*) FROM asked)::int AS wanted),
  revisions AS (
    INSERT INTO deployment_revisions (deployment_id, number, spec, env_sealed, created_by)
    SELECT id, 1, container::jsonb, decode(sealed, 'base64'), $2 FROM asked WHERE (SELECT count = wanted FROM counted)),
  resources AS (
    INSERT INTO deployment_resources (deployment_id, cpu_cores, memory_mb, gpu_units, storage_gb, ports)
    SELECT id, cpu, memory, gpu, storage, ports FROM asked WHERE (SELECT count = wanted FROM counted)),
  history AS (
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, changed_by, request_id)
    SELECT a.id, s.old, s.new, s.reason, s.by, s.request
      FROM asked AS a
     CROSS JOIN LATERAL (VALUES (1, $3, 'pending', $4, $2::uuid, $5), (2, 'pending', 'scheduled', a.scheduled, NULL, NULL))
             AS s(step, old, new, reason, by, request)
     WHERE (SELECT count = wanted FROM counted) AND (s.step = 1 OR a.scheduled IS NOT NULL)
     ORDER BY a.place, s.step)
  SELECT count FROM counted`;
