import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { NUMERIC } from '../../engines/numeric.transformer';

/**
 * The capacity that one replica holds on its node, from its placement until its container is confirmed gone. Released once,
 * never changed. Only the replica has foreign keys to deployment and node: a second key here would cost each placement a second
 * lock.
 */
@Entity({ name: 'reservations' })
@Index('ix_reservations_open_node', ['nodeId'], { where: `released_at IS NULL` })
@Index('ix_reservations_deployment', ['deploymentId'])
@Index('ix_reservations_open_deployment', ['deploymentId'], { where: `released_at IS NULL` })
@Check('ck_reservations_amount', `cpu_cores > 0 AND memory_mb > 0 AND gpu_units >= 0 AND storage_gb >= 0`)
export class Reservation {
  @ForeignKey('Replica', { name: 'fk_reservations_replica', onDelete: 'RESTRICT' })
  @PrimaryColumn({ name: 'replica_id', type: 'uuid', primaryKeyConstraintName: 'pk_reservations' })
  replicaId!: string;

  @Column({ name: 'deployment_id', type: 'uuid' })
  deploymentId!: string;

  @Column({ name: 'node_id', type: 'uuid' })
  nodeId!: string;

  @Column({ name: 'cpu_cores', type: 'numeric', precision: 9, scale: 3, transformer: NUMERIC })
  cpuCores!: number;

  @Column({ name: 'memory_mb', type: 'integer' })
  memoryMb!: number;

  @Column({ name: 'gpu_units', type: 'integer' })
  gpuUnits!: number;

  @Column({ name: 'storage_gb', type: 'integer' })
  storageGb!: number;

  @Column({ name: 'reserved_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  reservedAt!: Date;

  @Column({ name: 'released_at', type: 'timestamptz', nullable: true })
  releasedAt!: Date | null;
}
