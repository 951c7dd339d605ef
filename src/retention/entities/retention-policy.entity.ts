import { Check, Column, Entity, ForeignKey, PrimaryGeneratedColumn, Unique } from 'typeorm';

/** How long deleted deployments of one user, label or type are kept. */
@Entity({ name: 'retention_policies' })
@Unique('uq_retention_policies_selector', ['selector', 'value'])
@Check('ck_retention_policies_selector', `selector IN ('label','user','type')`)
@Check('ck_retention_policies_value', `char_length(value) BETWEEN 1 AND 320`)
@Check('ck_retention_policies_days', `days BETWEEN 1 AND 36500`)
export class RetentionPolicyRow {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_retention_policies' })
  id!: string;

  @Column({ name: 'selector', type: 'text' })
  selector!: string;

  /** A user's id, `key=value` of a label, or a type of deployments. */
  @Column({ name: 'value', type: 'text' })
  value!: string;

  @Column({ name: 'days', type: 'integer' })
  days!: number;

  @ForeignKey('User', { name: 'fk_retention_policies_user', onDelete: 'RESTRICT' })
  @Column({ name: 'changed_by', type: 'uuid' })
  changedBy!: string;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'now()' })
  updatedAt!: Date;
}
