import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/** One request about many deployments, and its progress. The result for each deployment is in the items. */
@Entity({ name: 'operations' })
@Index('ix_operations_user', ['userId', 'createdAt', 'id'])
@Index('ix_operations_open', ['createdAt'], { where: `finished_at IS NULL` })
@Index('ix_operations_finished', ['finishedAt'], { where: `finished_at IS NOT NULL` })
@Check('ck_operations_kind', `kind IN ('bulk_delete','bulk_restore','bulk_deploy')`)
@Check('ck_operations_status', `status IN ('running','waiting_for_confirmation','completed','failed','cancelled')`)
@Check('ck_operations_finished', `(status IN ('completed','failed','cancelled')) = (finished_at IS NOT NULL)`)
export class Operation {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_operations' })
  id!: string;

  @Column({ name: 'kind', type: 'text' })
  kind!: string;

  @Column({ name: 'status', type: 'text' })
  status!: string;

  @ForeignKey('User', { name: 'fk_operations_user', onDelete: 'RESTRICT' })
  @Column({ name: 'user_id', type: 'uuid' })
  userId!: string;

  /** How each deployment is to be deleted; empty for a restore. */
  @Column({ name: 'options', type: 'jsonb' })
  options!: Record<string, unknown>;

  /** The request that began it: its id, its address, and the credential that it came with. */
  @Column({ name: 'origin', type: 'jsonb' })
  origin!: Record<string, unknown>;

  @Column({ name: 'all_or_nothing', type: 'boolean', default: false })
  allOrNothing!: boolean;

  /** How many items it has. */
  @Column({ name: 'item_count', type: 'integer', default: 0 })
  itemCount!: number;

  /** Why it waits, failed or was cancelled, in words. */
  @Column({ name: 'reason', type: 'text', nullable: true })
  reason!: string | null;

  /** The same for administrators, where the words tell of the whole fleet. */
  @Column({ name: 'admin_reason', type: 'text', nullable: true })
  adminReason!: string | null;

  @ForeignKey('User', { name: 'fk_operations_confirmer', onDelete: 'RESTRICT' })
  @Column({ name: 'confirmed_by', type: 'uuid', nullable: true })
  confirmedBy!: string | null;

  @Column({ name: 'confirmed_at', type: 'timestamptz', nullable: true })
  confirmedAt!: Date | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  updatedAt!: Date;

  @Column({ name: 'finished_at', type: 'timestamptz', nullable: true })
  finishedAt!: Date | null;
}
