import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** An address from which somebody has shown to be the user of a name, or a session of that user. A row is removed when that was 90 days ago. */
@Entity({ name: 'known_addresses' })
@Index('ix_known_addresses_name', ['nameHash'])
@Index('ix_known_addresses_seen', ['seenAt'])
export class KnownAddress {
  /** HMAC-SHA-256 of the name in lower case and the address or session. */
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'pk_known_addresses' })
  hash!: Buffer;

  /** As in `login_failures`. */
  @Column({ name: 'name_hash', type: 'bytea' })
  nameHash!: Buffer;

  /** Exact to a day. */
  @Column({ name: 'seen_at', type: 'timestamptz', default: () => 'now()' })
  seenAt!: Date;
}
