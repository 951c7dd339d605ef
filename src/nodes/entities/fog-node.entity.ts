import { Check, Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { NUMERIC } from '../../engines/numeric.transformer';
import type { EngineIsolation } from '../../engines/engine-isolation';
import { RUNTIME_KINDS } from '../../engines/runtime-kinds';

/**
 * A machine with a container engine, its capacity, and how much of it is reserved. Only the triggers on `reservations` write
 * the reserved_* columns. The status is derived (node-status.sql.ts), never stored.
 */
@Entity({ name: 'nodes' })
@Index('uq_nodes_live_name', ['name'], { unique: true, where: `removed_at IS NULL` })
@Index('uq_nodes_live_engine', ['engineId'], { unique: true, where: `removed_at IS NULL` })
@Check('ck_nodes_type', `node_type IN ('edge_device','relay_node','mixnode','compute_node','gateway')`)
@Check('ck_nodes_runtime', `runtime IN (${RUNTIME_KINDS.map((kind) => `'${kind}'`).join(',')})`)
@Check('ck_nodes_draining', `cordoned OR NOT draining`)
@Check('ck_nodes_lost_after', `lost_after_seconds BETWEEN 0 AND 604800`)
@Check('ck_nodes_reserved_cpu', `reserved_cpu_cores BETWEEN 0 AND cpu_cores`)
@Check('ck_nodes_reserved_memory', `reserved_memory_mb BETWEEN 0 AND memory_mb`)
@Check('ck_nodes_reserved_gpu', `reserved_gpu_units BETWEEN 0 AND gpu_units`)
@Check('ck_nodes_reserved_storage', `reserved_storage_gb BETWEEN 0 AND storage_gb`)
@Check('ck_nodes_reserved_removed', `removed_at IS NULL OR (reserved_cpu_cores = 0 AND reserved_memory_mb = 0)`)
export class FogNode {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_nodes' })
  id!: string;

  @Column({ name: 'name', type: 'text' })
  name!: string;

  @Column({ name: 'node_type', type: 'text', default: 'compute_node' })
  nodeType!: string;

  @Column({ name: 'region', type: 'text' })
  region!: string;

  @Column({ name: 'runtime', type: 'text' })
  runtime!: string;

  /** Null means the engine of the machine that the worker runs on. */
  @Column({ name: 'endpoint', type: 'text', nullable: true })
  endpoint!: string | null;

  /** Where the ports of its containers are reached; null: what follows from the endpoint. */
  @Column({ name: 'address', type: 'text', nullable: true })
  address!: string | null;

  @Column({ name: 'engine_id', type: 'text', nullable: true })
  engineId!: string | null;

  /** What an administrator has chosen; null means the engine's own choice. */
  @Column({ name: 'oci_runtime', type: 'text', nullable: true })
  ociRuntime!: string | null;

  /** What the engine has told last; null before it has answered, and for a simulated node. */
  @Column({ name: 'isolation', type: 'jsonb', nullable: true })
  isolation!: EngineIsolation | null;

  @Column({ name: 'cpu_cores', type: 'numeric', precision: 9, scale: 3, transformer: NUMERIC })
  cpuCores!: number;

  @Column({ name: 'memory_mb', type: 'integer' })
  memoryMb!: number;

  @Column({ name: 'gpu_units', type: 'integer', default: 0 })
  gpuUnits!: number;

  @Column({ name: 'storage_gb', type: 'integer' })
  storageGb!: number;

  /** What was free on the disk of the engine when it last answered; null where that cannot be measured. */
  @Column({ name: 'disk_free_gb', type: 'integer', nullable: true })
  diskFreeGb!: number | null;

  /** What the largest of several machines could give to one replica when the engine last answered; null for one machine. */
  @Column({ name: 'largest_cpu_cores', type: 'numeric', precision: 9, scale: 3, nullable: true, transformer: NUMERIC })
  largestCpuCores!: number | null;

  @Column({ name: 'largest_memory_mb', type: 'integer', nullable: true })
  largestMemoryMb!: number | null;

  /** The capacity columns that an administrator has set; what the engine reports no longer changes them. */
  @Column({ name: 'fixed_capacity', type: 'text', array: true, default: () => `'{}'` })
  fixedCapacity!: string[];

  @Column({ name: 'reserved_cpu_cores', type: 'numeric', precision: 9, scale: 3, default: 0, transformer: NUMERIC })
  reservedCpuCores!: number;

  @Column({ name: 'reserved_memory_mb', type: 'integer', default: 0 })
  reservedMemoryMb!: number;

  @Column({ name: 'reserved_gpu_units', type: 'integer', default: 0 })
  reservedGpuUnits!: number;

  @Column({ name: 'reserved_storage_gb', type: 'integer', default: 0 })
  reservedStorageGb!: number;

  @Column({ name: 'cpu_usage_percent', type: 'real', default: 0 })
  cpuUsagePercent!: number;

  @Column({ name: 'memory_usage_percent', type: 'real', default: 0 })
  memoryUsagePercent!: number;

  @Column({ name: 'labels', type: 'jsonb', default: {} })
  labels!: Record<string, string>;

  @Column({ name: 'cordoned', type: 'boolean', default: false })
  cordoned!: boolean;

  @Column({ name: 'draining', type: 'boolean', default: false })
  draining!: boolean;

  /** After so long a silence its replicas are replaced elsewhere; 0: never; null: as configured. */
  @Column({ name: 'lost_after_seconds', type: 'integer', nullable: true })
  lostAfterSeconds!: number | null;

  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;

  /** Why only a part of what is needed works on an engine that answers. */
  @Column({ name: 'trouble', type: 'text', nullable: true })
  trouble!: string | null;

  @Column({ name: 'registered_at', type: 'timestamptz', default: () => 'now()' })
  registeredAt!: Date;

  @Column({ name: 'last_heartbeat', type: 'timestamptz', nullable: true })
  lastHeartbeat!: Date | null;

  /** When administrators were told that the node does not answer; null while it does. */
  @Column({ name: 'silence_told_at', type: 'timestamptz', nullable: true })
  silenceToldAt!: Date | null;

  /** When set, the node is hidden everywhere. The row stays because the replicas of old deployments refer to it. */
  @Column({ name: 'removed_at', type: 'timestamptz', nullable: true })
  removedAt!: Date | null;
}
