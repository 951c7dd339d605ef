import { Column, Entity, PrimaryColumn } from 'typeorm';

/** While the row exists, the simulated engine of this node does not answer. */
@Entity({ name: 'simulated_node_faults' })
export class SimulatedNodeFault {
  @PrimaryColumn({ name: 'node_id', type: 'uuid', primaryKeyConstraintName: 'pk_simulated_node_faults' })
  nodeId!: string;

  @Column({ name: 'since', type: 'timestamptz', default: () => 'clock_timestamp()' })
  since!: Date;
}
