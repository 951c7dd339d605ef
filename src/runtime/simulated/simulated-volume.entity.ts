import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A volume that a simulated engine keeps. No foreign keys: an engine knows nothing of projects. */
@Entity({ name: 'simulated_volumes' })
export class SimulatedVolume {
  @PrimaryColumn({ name: 'node_id', type: 'uuid', primaryKeyConstraintName: 'pk_simulated_volumes' })
  nodeId!: string;

  @PrimaryColumn({ name: 'volume_id', type: 'uuid', primaryKeyConstraintName: 'pk_simulated_volumes' })
  volumeId!: string;

  @Column({ name: 'made_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  madeAt!: Date;
}
