import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { RESOURCE_DIMENSIONS, type ResourceDimension, type Resources } from '../engines/resources';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import { recordColumns } from './node-columns.sql';
import { ENGINE_CHOOSES, type ClusterPlace, type NewNode, type NodeChange, type NodeRecord } from './node.types';

const COLUMN_OF: Readonly<Record<ResourceDimension, string>> = {
  cpuCores: 'cpu_cores',
  memoryMb: 'memory_mb',
  gpuUnits: 'gpu_units',
  storageGb: 'storage_gb',
};

/** The capacity columns that an administrator has set, which the engine no longer changes. */
const fixedColumns = (capacity: Partial<Resources>): string[] =>
  RESOURCE_DIMENSIONS.filter((dimension) => capacity[dimension] !== undefined).map((dimension) => COLUMN_OF[dimension]);

const valuesOf = (capacity: Partial<Resources>): (number | null)[] => RESOURCE_DIMENSIONS.map((dimension) => capacity[dimension] ?? null);

/** The SQL of the node routes. Removed nodes do not exist here. */
@Injectable()
export class NodeRecordsRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /** Ordered by name. `total` counts all nodes, not only those of the page. */
  async findPage(page: { limit: number; offset: number }): Promise<{ nodes: NodeRecord[]; total: number }> {
    const [nodes, [count]] = await Promise.all([
      this.dataSource.query<NodeRecord[]>(
        `SELECT ${recordColumns('$1')} FROM nodes AS n WHERE n.removed_at IS NULL ORDER BY n.name LIMIT $2 OFFSET $3`,
        [this.config.NODE_OFFLINE_AFTER_SECONDS, page.limit, page.offset],
      ),
      this.dataSource.query<{ total: number }[]>(`SELECT count(*)::int AS total FROM nodes WHERE removed_at IS NULL`),
    ]);
    return { nodes, total: count?.total ?? 0 };
  }

  async find(id: string): Promise<NodeRecord | undefined> {
    const [node] = await this.dataSource.query<NodeRecord[]>(
      `SELECT ${recordColumns('$1')} FROM nodes AS n WHERE n.id = $2 AND n.removed_at IS NULL`,
      [this.config.NODE_OFFLINE_AFTER_SECONDS, id],
    );
    return node;
  }

  /** Violates uq_nodes_live_name when the name is taken. */
  async insert(tx: Tx, node: NewNode): Promise<NodeRecord> {
    const [inserted] = await tx.query<NodeRecord[]>(
      `INSERT INTO nodes AS n (name, node_type, region, runtime, endpoint, labels, fixed_capacity,
                               cpu_cores, memory_mb, gpu_units, storage_gb, oci_runtime, address)
       VALUES ($2, $3, $4, $5, $6, $7, $8,
               coalesce($9::numeric, 0), coalesce($10::int, 0), coalesce($11::int, 0), coalesce($12::int, 0),
               nullif($13, $14), $15)
       RETURNING ${recordColumns('$1')}`,
      [
        this.config.NODE_OFFLINE_AFTER_SECONDS,
        ...[node.name, node.nodeType, node.region, node.runtime, node.endpoint, JSON.stringify(node.labels)],
        ...[fixedColumns(node.capacity), ...valuesOf(node.capacity), node.ociRuntime, ENGINE_CHOOSES, node.address],
      ],
    );
    if (!inserted) throw new Error('The node was not inserted');
    return inserted;
  }

  /** How the cluster of a node that was just inserted is reached; null: the cluster that this program runs in. */
  async insertCluster(tx: Tx, id: string, place: ClusterPlace, kubeconfig: Buffer | null): Promise<void> {
    await tx.query(
      `INSERT INTO node_clusters (node_id, kubeconfig, namespace, node_selector, ingress_class, gateway)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [id, kubeconfig, place.namespace, JSON.stringify(place.nodeSelector), place.ingressClass, place.gateway],
    );
  }

  /** Changes what is made for routes. All processes notice within half a minute. Violates ck_node_clusters_entrance when both are set. */
  async changeEntrance(tx: Tx, id: string, { ingressClass, gateway }: Pick<NodeChange, 'ingressClass' | 'gateway'>): Promise<void> {
    await tx.query(
      `UPDATE node_clusters
          SET ingress_class = CASE WHEN $2::boolean THEN $3::text ELSE ingress_class END,
              gateway = CASE WHEN $4::boolean THEN $5::text ELSE gateway END, version = version + 1
        WHERE node_id = $1`,
      [id, ingressClass !== undefined, ingressClass ?? null, gateway !== undefined, gateway ?? null],
    );
  }

  /** Puts another kubeconfig in the place of the one before. All processes use it within half a minute. */
  async changeKubeconfig(tx: Tx, id: string, kubeconfig: Buffer | null): Promise<void> {
    await tx.query(`UPDATE node_clusters SET kubeconfig = $2, version = version + 1 WHERE node_id = $1`, [id, kubeconfig]);
  }

  /** Locks the node until the transaction ends; undefined when there is none. */
  async lockRecord(tx: Tx, id: string): Promise<NodeRecord | undefined> {
    const [node] = await tx.query<NodeRecord[]>(
      `SELECT ${recordColumns('$1')} FROM nodes AS n WHERE n.id = $2 AND n.removed_at IS NULL FOR NO KEY UPDATE OF n`,
      [this.config.NODE_OFFLINE_AFTER_SECONDS, id],
    );
    return node;
  }

  /**
   * Changes the row as it is now in one statement, so that changes of different members at the same time do not undo each
   * other.
   */
  async change(tx: Tx, id: string, change: NodeChange): Promise<NodeRecord | undefined> {
    const [[changed]] = await tx.query<[NodeRecord[], number]>(
      `UPDATE nodes AS n
          SET node_type = coalesce($3, n.node_type), region = coalesce($4, n.region), labels = coalesce($5::jsonb, n.labels),
              cordoned = coalesce(nullif($7::boolean, false), $6::boolean, n.cordoned),
              draining = CASE WHEN $6::boolean IS FALSE THEN false ELSE coalesce($7::boolean, n.draining) END,
              fixed_capacity = ARRAY(SELECT DISTINCT unnest(n.fixed_capacity || $8::text[]) ORDER BY 1),
              cpu_cores = coalesce($9::numeric, n.cpu_cores), memory_mb = coalesce($10::int, n.memory_mb),
              gpu_units = coalesce($11::int, n.gpu_units), storage_gb = coalesce($12::int, n.storage_gb),
              oci_runtime = nullif(coalesce($13::text, n.oci_runtime), $14),
              lost_after_seconds = CASE WHEN $15::boolean THEN $16::int ELSE n.lost_after_seconds END,
              address = CASE WHEN $17::boolean THEN $18::text ELSE n.address END
        WHERE n.id = $2 AND n.removed_at IS NULL
    RETURNING ${recordColumns('$1')}`,
      [
        ...[this.config.NODE_OFFLINE_AFTER_SECONDS, id, change.nodeType ?? null, change.region ?? null],
        ...[change.labels ? JSON.stringify(change.labels) : null, change.cordoned ?? null, change.draining ?? null],
        ...[fixedColumns(change.capacity), ...valuesOf(change.capacity), change.ociRuntime ?? null, ENGINE_CHOOSES],
        ...[change.lostAfterSeconds !== undefined, change.lostAfterSeconds ?? null],
        ...[change.address !== undefined, change.address ?? null],
      ],
    );
    return changed;
  }

  /** The deployments with a replica that holds something on the node. */
  async deploymentsOn(tx: Tx, id: string): Promise<string[]> {
    const rows = await tx.query<{ id: string }[]>(
      `SELECT DISTINCT deployment_id AS id FROM reservations WHERE node_id = $1 AND released_at IS NULL ORDER BY id`,
      [id],
    );
    return rows.map((row) => row.id);
  }

  /** Locks the node and counts its open reservations and its volumes. New ones on it wait until the transaction ends. */
  async lock(tx: Tx, id: string): Promise<{ name: string; openReservations: number; volumes: number } | undefined> {
    const [node] = await tx.query<{ name: string }[]>(
      `SELECT name FROM nodes
        WHERE id = $1 AND removed_at IS NULL FOR NO KEY UPDATE`,
      [id],
    );
    if (!node) return undefined;
    const [held] = await tx.query<{ openReservations: number; volumes: number }[]>(HELD, [id]);
    return { name: node.name, ...(held ?? { openReservations: 0, volumes: 0 }) };
  }

  /**
   * Hides the node for good. A reservation that is being made meanwhile violates ck_nodes_reserved_removed and is placed anew.
   */
  async markRemoved(tx: Tx, id: string): Promise<void> {
    await tx.query(`UPDATE nodes SET removed_at = clock_timestamp() WHERE id = $1`, [id]);
  }
}

/** $1 node. A volume that is being removed holds nothing. */
const HELD = `
  SELECT (SELECT count(*)::int FROM reservations WHERE node_id = $1 AND released_at IS NULL) AS "openReservations",
         (SELECT count(*)::int FROM volumes WHERE node_id = $1 AND removing_since IS NULL) AS volumes`;
