import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A simulated engine that does not answer, for as long as its row is there. */
@Entity({ name: 'simulated_node_faults' })
export class SimulatedNodeFault {
  @PrimaryColumn({ name: 'node_id', type: 'uuid', primaryKeyConstraintName: 'pk_simulated_node_faults' })
  nodeId!: string;

  @Column({ name: 'since', type: 'timestamptz', default: () => 'clock_timestamp()' })
  since!: Date;
}
