import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/** One confirmation e-mail, asked for or sent. Kept for a day, because the limits count them. */
@Entity({ name: 'address_codes' })
@Index('ix_address_codes_user', ['userId', 'createdAt'])
@Index('ix_address_codes_email', ['email', 'createdAt'])
export class AddressCode {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_address_codes' })
  id!: string;

  @ForeignKey('User', { name: 'fk_address_codes_user', onDelete: 'CASCADE' })
  @Column({ name: 'user_id', type: 'uuid' })
  userId!: string;

  @Column({ name: 'email', type: 'text' })
  email!: string;

  /**
   * The subscription whose job sends it. There is no foreign key, so that removing and making subscriptions does not
   * get around the limits.
   */
  @Column({ name: 'subscription_id', type: 'uuid' })
  subscriptionId!: string;

  /** The hash of the code. Null until the e-mail is about to be sent. The code itself is only in the e-mail. */
  @Column({ name: 'code_hash', type: 'text', nullable: true })
  codeHash!: string | null;

  @Column({ name: 'wrong_codes', type: 'integer', default: 0 })
  wrongCodes!: number;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;

  @Column({ name: 'sent_at', type: 'timestamptz', nullable: true })
  sentAt!: Date | null;

  /** Why the last attempt to send it failed. */
  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;

  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true })
  expiresAt!: Date | null;
}
