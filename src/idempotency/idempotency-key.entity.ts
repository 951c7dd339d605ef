import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The encrypted answer to a request with an Idempotency-Key, kept for repetitions of the request. */
@Entity({ name: 'idempotency_keys' })
@Index('ix_idempotency_keys_created', ['createdAt'])
export class IdempotencyKey {
  @PrimaryColumn({ name: 'scope', type: 'text', primaryKeyConstraintName: 'pk_idempotency_keys' })
  scope!: string;

  @PrimaryColumn({ name: 'key', type: 'text', primaryKeyConstraintName: 'pk_idempotency_keys' })
  key!: string;

  @Column({ name: 'request_hash', type: 'text' })
  requestHash!: string;

  @Column({ name: 'claim', type: 'uuid' })
  claim!: string;

  @Column({ name: 'lease_until', type: 'timestamptz' })
  leaseUntil!: Date;

  @Column({ name: 'answer_status', type: 'integer', nullable: true })
  answerStatus!: number | null;

  @Column({ name: 'answer_sealed', type: 'bytea', nullable: true })
  answerSealed!: Buffer | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;
}
