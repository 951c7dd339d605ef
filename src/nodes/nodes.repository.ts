import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { postgresCode, violatedConstraint } from '../database/postgres-error';
import type { Tx } from '../database/transaction';
import type { EngineInfo } from '../engines/engine-info';
import type { FleetNode } from '../engines/fleet-node';
import type { LiveTarget } from '../engines/node-target';
import { ENGINE_TRAITS, type DrivenKind, type EngineTraits, type RuntimeKind } from '../engines/runtime-kinds';
import { HEARTBEAT, REGISTER_DEMO_NODES, REGISTER_ENGINE } from './node-registration.sql';
import { isLost, isOnline, unavailableWords } from './node-status.sql';

const MAX_WORDS = 500;
const REGISTRATION_ATTEMPTS = 5;

/** The topic that tells that a node takes replicas which did not before. A hint: listeners also look by themselves. */
export const FLEET_TOPIC = 'fog_fleet';

/** A chosen node no longer takes replicas. */
export class NodesRefused extends Error {}

/**
 * True when a placement failed because, since the fleet was read, others took the capacity or a node stopped taking replicas.
 */
export const isCapacityTaken = (error: unknown): boolean =>
  error instanceof NodesRefused || (violatedConstraint(error)?.startsWith('ck_nodes_reserved_') ?? false);

interface CandidateRow extends Omit<FleetNode, 'capacity' | 'reserved' | 'keepsVolumes' | 'largestMachine'> {
  readonly runtime: DrivenKind;
  readonly cpu: number;
  readonly memory: number;
  readonly gpu: number;
  readonly storage: number;
  readonly reservedCpu: number;
  readonly reservedMemory: number;
  readonly reservedGpu: number;
  readonly reservedStorage: number;
  readonly largestCpu: number | null;
  readonly largestMemory: number | null;
}

/** The SQL about nodes for the background and placement: capacity, heartbeats, registration. */
@Injectable()
export class NodesRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /**
   * All live nodes. With `lock` their counters do not change until the transaction ends; callers lock them in id order. With
   * `silentToo` nodes that do not answer count as available, but for those that never have: of a machine that may never come, nobody
   * knows what it would take.
   */
  async candidates(database: Pick<Tx, 'query'>, { lock, silentToo = false }: { lock: boolean; silentToo?: boolean }): Promise<FleetNode[]> {
    // Plain columns: objects built in SQL cost several times as much on a large fleet.
    const rows = await database.query<CandidateRow[]>(
      `SELECT n.id, n.name, n.region, n.runtime,
              n.cpu_cores::float8 AS cpu, n.memory_mb AS memory, n.gpu_units AS gpu, n.storage_gb AS storage,
              n.reserved_cpu_cores::float8 AS "reservedCpu", n.reserved_memory_mb AS "reservedMemory",
              n.reserved_gpu_units AS "reservedGpu", n.reserved_storage_gb AS "reservedStorage",
              n.cpu_usage_percent AS "cpuUsagePercent", n.memory_usage_percent AS "memoryUsagePercent",
              n.disk_free_gb AS "diskFreeGb",
              n.largest_cpu_cores::float8 AS "largestCpu", n.largest_memory_mb AS "largestMemory",
              CASE WHEN $2 AND n.last_heartbeat IS NOT NULL AND NOT n.draining AND NOT n.cordoned THEN NULL
                   ELSE ${unavailableWords('$1')} END AS unavailable
         FROM nodes AS n WHERE n.removed_at IS NULL ORDER BY n.id ${lock ? 'FOR NO KEY UPDATE' : ''}`,
      [this.config.NODE_OFFLINE_AFTER_SECONDS, silentToo],
    );
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      region: row.region,
      capacity: { cpuCores: row.cpu, memoryMb: row.memory, gpuUnits: row.gpu, storageGb: row.storage },
      reserved: {
        cpuCores: row.reservedCpu,
        memoryMb: row.reservedMemory,
        gpuUnits: row.reservedGpu,
        storageGb: row.reservedStorage,
      },
      diskFreeGb: row.diskFreeGb,
      ...(row.largestCpu === null || row.largestMemory === null
        ? {}
        : { largestMachine: { cpuCores: row.largestCpu, memoryMb: row.largestMemory } }),
      cpuUsagePercent: row.cpuUsagePercent,
      memoryUsagePercent: row.memoryUsagePercent,
      unavailable: row.unavailable,
      keepsVolumes: ENGINE_TRAITS[row.runtime].keepsVolumes,
    }));
  }

  /** Releases the reservations of these replicas that are still open and returns their number; a second call returns 0. */
  async release(tx: Tx, replicaIds: readonly string[]): Promise<number> {
    if (replicaIds.length === 0) return 0;
    const [, released] = await tx.query<[unknown[], number]>(
      `WITH unreleased AS MATERIALIZED (
         SELECT replica_id FROM reservations WHERE replica_id = ANY($1::uuid[]) AND released_at IS NULL
          ORDER BY replica_id FOR NO KEY UPDATE)
       UPDATE reservations AS r SET released_at = clock_timestamp()
         FROM unreleased AS u WHERE r.replica_id = u.replica_id AND r.released_at IS NULL`,
      [replicaIds],
    );
    return released;
  }

  /**
   * Records that the engine answered, which makes its node online, and the capacity that it reports, if its kind reports one.
   */
  async heartbeat(nodeId: string, info: EngineInfo, traits: Pick<EngineTraits, 'hasIdentity' | 'tellsCapacity'>): Promise<void> {
    const { engineId, cpuCores, memoryMb, gpuUnits, storageGb, cpuUsagePercent, memoryUsagePercent } = info;
    try {
      await this.dataSource.query(HEARTBEAT, [
        ...[nodeId, engineId, cpuCores, memoryMb, gpuUnits, storageGb, cpuUsagePercent, memoryUsagePercent],
        ...[traits.hasIdentity, traits.tellsCapacity, info.diskFreeGb ?? null, info.isolation && JSON.stringify(info.isolation)],
        ...[info.trouble?.slice(0, MAX_WORDS) ?? null, info.largestMachine?.cpuCores ?? null, info.largestMachine?.memoryMb ?? null],
      ]);
    } catch (error) {
      if (violatedConstraint(error) !== 'uq_nodes_live_engine') throw error;
      await this.heartbeatFailed(nodeId, 'The engine at this address is registered as another node already');
    }
  }

  /** For when the clock was set back: no node has answered in the future, so those that have died are noticed in time. */
  async clampHeartbeats(): Promise<void> {
    await this.dataSource.query(
      `UPDATE nodes SET last_heartbeat = clock_timestamp()
        WHERE id IN (SELECT id FROM nodes WHERE last_heartbeat > clock_timestamp() ORDER BY id FOR NO KEY UPDATE)`,
    );
  }

  /** Records that the engine did not answer properly. The node goes offline when this lasts. */
  async heartbeatFailed(nodeId: string, words: string): Promise<void> {
    await this.dataSource.query(`UPDATE nodes SET last_error = $2 WHERE id = $1 AND removed_at IS NULL`, [
      nodeId,
      words.slice(0, MAX_WORDS),
    ]);
  }

  /** Registers the engine of this machine, or records a heartbeat if it is known, and returns the id of its node. */
  async registerLocalEngine(info: EngineInfo, as: { name: string; region: string; runtime: RuntimeKind }): Promise<string> {
    const { engineId, cpuCores, memoryMb, gpuUnits, storageGb, cpuUsagePercent, memoryUsagePercent } = info;
    const capacity = [cpuCores, memoryMb, gpuUnits, storageGb];
    for (let attempt = 1; ; attempt++) {
      try {
        const [row] = await this.dataSource.query<{ id: string }[]>(REGISTER_ENGINE, [
          ...[engineId, as.name, as.region, as.runtime],
          ...[...capacity, cpuUsagePercent, memoryUsagePercent, info.diskFreeGb ?? null],
        ]);
        if (!row) throw new Error(`Every node name from ${as.name} on is taken`);
        return row.id;
      } catch (error) {
        // Another process took the name between the look and the insert.
        if (postgresCode(error) !== '23505' || attempt === REGISTRATION_ATTEMPTS) throw error;
      }
    }
  }

  /** Makes three simulated nodes to explore with, unless there has ever been a simulated one. */
  async registerDemoNodes(): Promise<void> {
    await this.dataSource.query(REGISTER_DEMO_NODES);
  }

  /** The live nodes of these kinds of engine. */
  async targets(runtimes: readonly RuntimeKind[]): Promise<LiveTarget[]> {
    return this.dataSource.query<LiveTarget[]>(`${LIVE_TARGETS} AND n.runtime = ANY($1::text[]) ORDER BY n.id`, [
      ...[runtimes, this.config.NODE_OFFLINE_AFTER_SECONDS, this.config.NODE_LOST_AFTER_SECONDS],
    ]);
  }

  /** Those of these nodes that are live. */
  async targetsOf(nodeIds: readonly string[]): Promise<LiveTarget[]> {
    return this.dataSource.query<LiveTarget[]>(`${LIVE_TARGETS} AND n.id = ANY($1::uuid[])`, [
      ...[nodeIds, this.config.NODE_OFFLINE_AFTER_SECONDS, this.config.NODE_LOST_AFTER_SECONDS],
    ]);
  }
}

const LIVE_TARGETS = `
  SELECT n.id, n.name, n.runtime, n.endpoint, n.engine_id AS "engineId", n.draining, ${isOnline('$2')} AS online,
         ${isLost('$2', '$3')} AS lost,
         EXISTS (SELECT 1 FROM orphans AS o WHERE o.node_id = n.id AND o.ended_at IS NULL) AS "hasOrphans"
    FROM nodes AS n WHERE n.removed_at IS NULL`;
