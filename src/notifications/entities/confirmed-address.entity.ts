import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** An address from which a user has shown us a code: e-mails may go there for as long as it is that user's. */
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
