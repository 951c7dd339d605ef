import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { PubSub } from '../database/pub-sub';
import { afterCommit, type Tx } from '../database/transaction';
import { DEPLOYMENT_TOPIC, type LockedDeployment } from '../deployments/deployments.repository';
import type { Resources } from '../engines/resources';
import { takingNodes } from '../nodes/node-status.sql';
import { NodesRefused } from '../nodes/nodes.repository';

interface AdoptedReplica {
  readonly replicaId: string;
  readonly nodeId: string;
  readonly containerId: string;
  readonly imageDigest: string | null;
  readonly resources: Resources;
  readonly reason: string;
}

/** Writes a replica whose container exists already. Callers hold the lock of the deployment row. */
@Injectable()
export class AdoptionRepository {
  constructor(
    private readonly config: AppConfig,
    private readonly pubSub: PubSub,
  ) {}

  /**
   * Adds the replica with the id that its container names, in the present generation and revision, and its reservation. The version of
   * the deployment goes up, so that no plan from before is carried out. Throws what `isCapacityTaken` recognises.
   */
  async add(tx: Tx, { id, generation, revision, currentRollout }: LockedDeployment, replica: AdoptedReplica): Promise<void> {
    const { cpuCores, memoryMb, gpuUnits, storageGb } = replica.resources;
    const rows = await tx.query<unknown[]>(ADD, [
      ...[id, replica.replicaId, replica.nodeId, generation, revision, currentRollout, replica.reason, replica.containerId],
      ...[cpuCores, memoryMb, gpuUnits, storageGb, this.config.NODE_OFFLINE_AFTER_SECONDS],
    ]);
    if (rows.length === 0) throw new NodesRefused('The node does not take the replica');
    await tx.query(DECIDED, [id, revision, replica.imageDigest]);
    afterCommit(tx, () => this.pubSub.publish(DEPLOYMENT_TOPIC, id));
  }
}

/**
 * $1 deployment, $2 replica, $3 node, $4 generation, $5 revision, $6 rollout, $7 reason, $8 container, $9 CPU cores, $10 memory,
 * $11 GPU units, $12 storage, $13 seconds of silence after which a node is offline.
 */
const ADD = `
  WITH taking AS MATERIALIZED (${takingNodes('ARRAY[$3]', '$13')}),
  added AS (
    INSERT INTO deployment_replicas (id, deployment_id, node_id, generation, revision, rollout, status, reason, container_id)
    SELECT $2, $1, taking.id, $4, $5, $6, 'starting', $7, $8 FROM taking
    RETURNING id, deployment_id, node_id)
  INSERT INTO reservations (replica_id, deployment_id, node_id, cpu_cores, memory_mb, gpu_units, storage_gb)
  SELECT id, deployment_id, node_id, $9, $10, $11, $12 FROM added
  RETURNING replica_id`;

/** $1 deployment, $2 revision, $3 the digest that the container runs: where none is chosen yet, later replicas run this one. */
const DECIDED = `
  WITH chosen AS (
    UPDATE deployment_revisions SET image_digest = $3
     WHERE deployment_id = $1 AND number = $2 AND image_digest IS NULL AND $3::text IS NOT NULL)
  UPDATE deployments SET version = version + 1, updated_at = clock_timestamp() WHERE id = $1`;
