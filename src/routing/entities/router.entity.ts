import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A router, or a balancer that is told of routes, with what it serves. */
@Entity({ name: 'routers' })
export class RouterRow {
  @PrimaryColumn({ name: 'id', type: 'uuid', primaryKeyConstraintName: 'pk_routers' })
  id!: string;

  @Column({ name: 'kind', type: 'text' })
  kind!: string;

  /** Where it listens. */
  @Column({ name: 'address', type: 'text' })
  address!: string;

  /** A state of the database, as `pg_current_snapshot` writes it: it serves all that this state has, but for what is `behind`. */
  @Column({ name: 'serves', type: 'text' })
  serves!: string;

  /** Deployments whose newest table it could not take, with the words why. */
  @Column({ name: 'behind', type: 'jsonb' })
  behind!: Record<string, string>;

  /** Replicas that get no new requests and still answer old ones. */
  @Column({ name: 'busy', type: 'jsonb' })
  busy!: string[];

  @Column({ name: 'seen_at', type: 'timestamptz' })
  seenAt!: Date;
}
