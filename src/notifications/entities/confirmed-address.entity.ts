import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** An address that a user has confirmed with a code. E-mails may be sent there as long as it is the address of that user. */
@Entity({ name: 'confirmed_addresses' })
export class ConfirmedAddress {
  @ForeignKey('User', { name: 'fk_confirmed_addresses_user', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'user_id', type: 'uuid', primaryKeyConstraintName: 'pk_confirmed_addresses' })
  userId!: string;

  @PrimaryColumn({ name: 'email', type: 'text', primaryKeyConstraintName: 'pk_confirmed_addresses' })
  email!: string;

  @Column({ name: 'confirmed_at', type: 'timestamptz', default: () => 'now()' })
  confirmedAt!: Date;
}
