import { Check, Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** One act, or one refusal of an act. Append-only. It holds ids and no names, so it need not change when a user leaves. */
@Entity({ name: 'audit_log' })
@Index('ix_audit_log_resource', ['resourceId', 'id'])
@Index('ix_audit_log_actor', ['actorId', 'id'])
@Index('ix_audit_log_at', ['at'])
@Check('ck_audit_log_via', `via IN ('session','api_token','external','anonymous','system')`)
@Check('ck_audit_log_outcome', `outcome IN ('done','refused')`)
@Check('ck_audit_log_code', `(outcome = 'refused') = (code IS NOT NULL)`)
export class AuditRecord {
  @PrimaryGeneratedColumn('identity', {
    name: 'id',
    type: 'bigint',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'pk_audit_log',
  })
  id!: string;

  @Column({ name: 'at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  at!: Date;

  /** Null: the control plane itself, or a caller who is not authenticated. */
  @Column({ name: 'actor_id', type: 'uuid', nullable: true })
  actorId!: string | null;

  @Column({ name: 'via', type: 'text' })
  via!: string;

  @Column({ name: 'credential_id', type: 'uuid', nullable: true })
  credentialId!: string | null;

  @Column({ name: 'address', type: 'text', nullable: true })
  address!: string | null;

  @Column({ name: 'action', type: 'text' })
  action!: string;

  @Column({ name: 'resource_type', type: 'text', nullable: true })
  resourceType!: string | null;

  @Column({ name: 'resource_id', type: 'uuid', nullable: true })
  resourceId!: string | null;

  @Column({ name: 'outcome', type: 'text' })
  outcome!: string;

  /** Why it was refused; null when it was done. */
  @Column({ name: 'code', type: 'text', nullable: true })
  code!: string | null;

  @Column({ name: 'request_id', type: 'text', nullable: true })
  requestId!: string | null;

  @Column({ name: 'before', type: 'jsonb', nullable: true })
  before!: Record<string, unknown> | null;

  @Column({ name: 'after', type: 'jsonb', nullable: true })
  after!: Record<string, unknown> | null;
}
