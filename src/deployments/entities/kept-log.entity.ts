import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** The last lines of a replica whose container has ended. Purged with its deployment. */
@Entity({ name: 'kept_logs' })
@Index('ix_kept_logs_deployment', ['deploymentId', 'keptAt'])
export class KeptLogRow {
  @ForeignKey('Replica', { name: 'fk_kept_logs_replica', onDelete: 'RESTRICT' })
  @PrimaryColumn({ name: 'replica_id', type: 'uuid', primaryKeyConstraintName: 'pk_kept_logs' })
  replicaId!: string;

  @Column({ name: 'deployment_id', type: 'uuid' })
  deploymentId!: string;

  @Column({ name: 'lines', type: 'jsonb' })
  lines!: string[];

  @Column({ name: 'cut', type: 'boolean' })
  cut!: boolean;

  @Column({ name: 'kept_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  keptAt!: Date;
}
