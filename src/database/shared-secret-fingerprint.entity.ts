import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** What a secret that all processes share looks like from outside, so that a process with another one is noticed at its start. */
@Entity({ name: 'shared_secrets' })
@Check('ck_shared_secrets_fingerprint', `octet_length(fingerprint) = 32`)
@Check('ck_shared_secrets_previous', `octet_length(previous) = 32`)
export class SharedSecretFingerprint {
  /** The variable that gives the secret. */
  @PrimaryColumn({ name: 'variable', type: 'text', primaryKeyConstraintName: 'pk_shared_secrets' })
  variable!: string;

  @Column({ name: 'fingerprint', type: 'bytea' })
  fingerprint!: Buffer;

  /** Of the secret of before, until nothing is encrypted with it any more. */
  @Column({ name: 'previous', type: 'bytea', nullable: true })
  previous!: Buffer | null;

  @Column({ name: 'noted_at', type: 'timestamptz', default: () => 'now()' })
  notedAt!: Date;
}
