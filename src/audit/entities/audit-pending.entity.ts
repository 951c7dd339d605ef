import { Entity, PrimaryColumn } from 'typeorm';

/**
 * The audit rows that have no place in the chain yet. Each is written with its audit row, so finding them is fast
 * however long the log is.
 */
@Entity({ name: 'audit_pending' })
export class AuditPending {
  @PrimaryColumn({ name: 'audit_id', type: 'bigint', primaryKeyConstraintName: 'pk_audit_pending' })
  auditId!: string;
}
