import { Check, Column, Entity, PrimaryColumn, Unique } from 'typeorm';

/** The place of an audit row in the chain. `hash` covers the row and the hash before it, so no row can be changed unnoticed. */
@Entity({ name: 'audit_chain' })
@Unique('uq_audit_chain_audit', ['auditId'])
@Check('ck_audit_chain_position', `position >= 1`)
export class AuditChainLink {
  @PrimaryColumn({ name: 'position', type: 'bigint', primaryKeyConstraintName: 'pk_audit_chain' })
  position!: string;

  @Column({ name: 'audit_id', type: 'bigint' })
  auditId!: string;

  @Column({ name: 'hash', type: 'bytea' })
  hash!: Buffer;

  @Column({ name: 'sealed_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  sealedAt!: Date;
}
