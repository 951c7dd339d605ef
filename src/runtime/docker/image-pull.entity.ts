import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A pull that is under way on an engine, or waits for its turn there. No foreign keys: it is over soon, and its process removes it. */
@Entity({ name: 'image_pulls' })
@Index('ix_image_pulls_node', ['nodeId'])
export class ImagePull {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'pk_image_pulls' })
  id!: string;

  @Column({ name: 'node_id', type: 'uuid' })
  nodeId!: string;

  /** The project. */
  @Column({ name: 'owner_id', type: 'uuid' })
  ownerId!: string;

  @Column({ type: 'boolean', default: false })
  begun!: boolean;

  @Column({ name: 'asked_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  askedAt!: Date;

  /** Its process renews it; what is over by then nobody holds. */
  @Column({ name: 'lease_until', type: 'timestamptz' })
  leaseUntil!: Date;
}
