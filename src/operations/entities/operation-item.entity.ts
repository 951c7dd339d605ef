import { Check, Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';

/** One deployment of an operation. It is kept after the deployment is purged, so it has no foreign key to it. */
@Entity({ name: 'operation_items' })
@Unique('uq_operation_items_deployment', ['operationId', 'deploymentId'])
@Check('ck_operation_items_state', `state IN ('pending','deleted','restored','created','refused','cancelled')`)
export class OperationItem {
  @ForeignKey('Operation', { name: 'fk_operation_items_operation', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'operation_id', type: 'uuid', primaryKeyConstraintName: 'pk_operation_items' })
  operationId!: string;

  @PrimaryColumn({ name: 'position', type: 'integer', primaryKeyConstraintName: 'pk_operation_items' })
  position!: number;

  /** Null: a deployment that a bulk deploy did not make. */
  @Column({ name: 'deployment_id', type: 'uuid', nullable: true })
  deploymentId!: string | null;

  /** As a bulk deploy was asked for it, where it was not made. */
  @Column({ name: 'name', type: 'text', nullable: true })
  name!: string | null;

  @Column({ name: 'state', type: 'text', default: 'pending' })
  state!: string;

  /** The code of the refusal. */
  @Column({ name: 'code', type: 'text', nullable: true })
  code!: string | null;

  @Column({ name: 'detail', type: 'text', nullable: true })
  detail!: string | null;

  /** The whole refusal of a bulk deploy, as a single deploy would have answered. */
  @Column({ name: 'problem', type: 'jsonb', nullable: true })
  problem!: Record<string, unknown> | null;

  @Column({ name: 'decided_at', type: 'timestamptz', nullable: true })
  decidedAt!: Date | null;
}
