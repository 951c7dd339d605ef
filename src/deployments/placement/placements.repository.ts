import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { Resources } from '../../engines/resources';
import { AppConfig } from '../../config/app-config';
import { newId } from '../../common/uuid';
import type { Tx } from '../../database/transaction';
import { takingNodes } from '../../nodes/node-status.sql';
import { NodesRefused } from '../../nodes/nodes.repository';
import type { PlacementExplanation } from '../../scheduling/place.types';
import { encodeExplanation } from './explanation-codec';

export type PlacementCause = 'deploy' | 'scale' | 'replace' | 'drain' | 'restore' | 'rollout';

export interface NewReplica {
  readonly nodeId: string;
  /** How many predecessors of this replica failed in a row. */
  readonly attempt: number;
}

export interface NewPlacement {
  readonly deploymentId: string;
  readonly generation: number;
  readonly revision: number;
  /** The rollout that the replicas are part of; 0 means none. */
  readonly rollout: number;
  readonly cause: PlacementCause;
  readonly explanation: PlacementExplanation;
  readonly perReplica: Resources;
}

/** A new deployment and the places of all its replicas. */
export interface PlacedDeployment {
  readonly id: string;
  readonly perReplica: Resources;
  readonly nodeIds: readonly string[];
  readonly explanation: PlacementExplanation;
}

/** Placements with their replicas and reservations. Callers hold the lock of the deployment row. */
@Injectable()
export class PlacementsRepository {
  constructor(private readonly config: AppConfig) {}

  /**
   * Keeps the explanation, adds the replicas and reserves the capacity of each on its node, in one statement: all or nothing.
   * Returns the ids of the replicas. Throws what `isCapacityTaken` recognises when a node has not enough left or no longer
   * takes replicas. At the end of the statement the trigger on reservations locks the nodes in id order and updates their
   * counters, so placements on the same nodes wait for no more than that.
   */
  async add(tx: Tx, placement: NewPlacement, replicas: readonly NewReplica[]): Promise<string[]> {
    const { deploymentId, generation, revision, rollout, cause, explanation, perReplica } = placement;
    const rows = await tx.query<{ id: string }[]>(ADD, [
      ...[deploymentId, cause, JSON.stringify(encodeExplanation(explanation)), generation],
      ...[replicas.map(({ nodeId }) => nodeId), replicas.map(({ attempt }) => attempt)],
      ...[perReplica.cpuCores, perReplica.memoryMb, perReplica.gpuUnits, perReplica.storageGb],
      ...[this.config.NODE_OFFLINE_AFTER_SECONDS, revision, rollout, newId()],
    ]);
    if (rows.length !== replicas.length) throw new NodesRefused(`Nodes took ${rows.length} of ${replicas.length} replicas`);
    return rows.map(({ id }) => id);
  }

  /** The same for the first placements of many deployments, in one statement: all of them or none. */
  async addMany(tx: Tx, placed: readonly PlacedDeployment[]): Promise<void> {
    const placements = placed.map((each) => ({ placement: newId(), ...each }));
    const replicas = placements.flatMap(({ id: deployment, placement, nodeIds, perReplica }) =>
      nodeIds.map((node) => ({ id: randomUUID(), deployment, placement, node, ...perReplica })),
    );
    const rows = await tx.query<unknown[]>(ADD_MANY, [
      JSON.stringify(
        placements.map(({ placement, id, explanation }) => ({
          id: placement,
          deployment: id,
          explanation: encodeExplanation(explanation),
        })),
      ),
      JSON.stringify(replicas),
      ...[[...new Set(replicas.map(({ node }) => node))], this.config.NODE_OFFLINE_AFTER_SECONDS],
    ]);
    if (rows.length !== replicas.length) throw new NodesRefused(`Nodes took ${rows.length} of ${replicas.length} replicas`);
  }
}

/**
 * $1 deployment, $2 cause, $3 explanation, $4 generation, $5 nodes and $6 attempts of the replicas, $7 CPU cores, $8 memory,
 * $9 GPU units, $10 storage, $11 seconds of silence after which a node is offline, $12 revision, $13 rollout, $14 id of the placement.
 */
const ADD = `
  WITH taking AS MATERIALIZED (${takingNodes('$5', '$11')}),
  placed AS (INSERT INTO placements (id, deployment_id, cause, explanation) VALUES ($14, $1, $2, $3)),
  added AS (
    INSERT INTO deployment_replicas (deployment_id, generation, revision, rollout, placement_id, node_id, attempt)
    SELECT $1, $4, $12, $13, $14, wanted.node_id, wanted.attempt
      FROM unnest($5::uuid[], $6::int[]) AS wanted(node_id, attempt) JOIN taking ON taking.id = wanted.node_id
    RETURNING id, deployment_id, node_id)
  INSERT INTO reservations (replica_id, deployment_id, node_id, cpu_cores, memory_mb, gpu_units, storage_gb)
  SELECT id, deployment_id, node_id, $7, $8, $9, $10 FROM added
  RETURNING replica_id AS id`;

/**
 * $1 placements and $2 replicas as JSON, $3 their nodes, $4 seconds of silence after which a node is offline. The replicas are
 * added only when all of the nodes take some.
 */
const ADD_MANY = `
  WITH taking AS MATERIALIZED (${takingNodes('$3', '$4')}),
  wanted AS MATERIALIZED (
    SELECT * FROM json_to_recordset($2::json) AS r(
      id uuid, deployment uuid, placement uuid, node uuid, "cpuCores" numeric, "memoryMb" int, "gpuUnits" int, "storageGb" int)
     WHERE (SELECT count(*) FROM taking) = cardinality($3::uuid[])),
  placed AS (
    INSERT INTO placements (id, deployment_id, cause, explanation)
    SELECT p.id, p.deployment, 'deploy', p.explanation
      FROM json_to_recordset($1::json) AS p(id uuid, deployment uuid, explanation jsonb)),
  added AS (
    INSERT INTO deployment_replicas (id, deployment_id, generation, revision, rollout, placement_id, node_id, attempt)
    SELECT id, deployment, 1, 1, 0, placement, node, 0 FROM wanted)
  INSERT INTO reservations (replica_id, deployment_id, node_id, cpu_cores, memory_mb, gpu_units, storage_gb)
  SELECT id, deployment, node, "cpuCores", "memoryMb", "gpuUnits", "storageGb" FROM wanted
  RETURNING 1`;
