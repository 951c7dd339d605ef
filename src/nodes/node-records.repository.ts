import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { RESOURCE_DIMENSIONS, type ResourceDimension, type Resources } from '../engines/resources';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import { recordColumns } from './node-columns.sql';
import type { NewNode, NodeChange, NodeRecord } from './node.types';

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
                               cpu_cores, memory_mb, gpu_units, storage_gb)
       VALUES ($2, $3, $4, $5, $6, $7, $8,
               coalesce($9::numeric, 0), coalesce($10::int, 0), coalesce($11::int, 0), coalesce($12::int, 0))
       RETURNING ${recordColumns('$1')}`,
      [
        this.config.NODE_OFFLINE_AFTER_SECONDS,
        ...[node.name, node.nodeType, node.region, node.runtime, node.endpoint, JSON.stringify(node.labels)],
        ...[fixedColumns(node.capacity), ...valuesOf(node.capacity)],
      ],
    );
    if (!inserted) throw new Error('The node was not inserted');
    return inserted;
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
              gpu_units = coalesce($11::int, n.gpu_units), storage_gb = coalesce($12::int, n.storage_gb)
        WHERE n.id = $2 AND n.removed_at IS NULL
    RETURNING ${recordColumns('$1')}`,
      [
        ...[this.config.NODE_OFFLINE_AFTER_SECONDS, id, change.nodeType ?? null, change.region ?? null],
        ...[change.labels ? JSON.stringify(change.labels) : null, change.cordoned ?? null, change.draining ?? null],
        ...[fixedColumns(change.capacity), ...valuesOf(change.capacity)],
      ],
    );
    return changed;
  }

  /** Locks the node and counts its open reservations. New reservations on it wait until the transaction ends. */
  async lock(tx: Tx, id: string): Promise<{ name: string; openReservations: number } | undefined> {
    const [node] = await tx.query<{ name: string }[]>(
      `SELECT name FROM nodes
        WHERE id = $1 AND removed_at IS NULL FOR NO KEY UPDATE`,
      [id],
    );
    if (!node) return undefined;
    const [open] = await tx.query<{ count: number }[]>(
      `SELECT count(*)::int AS count FROM reservations WHERE node_id = $1 AND released_at IS NULL`,
      [id],
    );
    return { name: node.name, openReservations: open?.count ?? 0 };
  }

  /**
   * Hides the node for good. A reservation that is being made meanwhile violates ck_nodes_reserved_removed and is placed anew.
   */
  async markRemoved(tx: Tx, id: string): Promise<void> {
    await tx.query(`UPDATE nodes SET removed_at = clock_timestamp() WHERE id = $1`, [id]);
  }
}
