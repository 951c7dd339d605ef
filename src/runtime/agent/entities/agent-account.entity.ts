import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** What a machine told of its own doing and is noted, so that it is noted once however often it is told. */
@Entity({ name: 'agent_accounts' })
@Index('ix_agent_accounts_noted', ['nodeId', 'notedAt'])
export class AgentAccount {
  @ForeignKey('NodeAgent', { name: 'fk_agent_accounts_node_agent', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'node_id', type: 'uuid', primaryKeyConstraintName: 'pk_agent_accounts' })
  nodeId!: string;

  @PrimaryColumn({ name: 'id', type: 'uuid', primaryKeyConstraintName: 'pk_agent_accounts' })
  id!: string;

  @Column({ name: 'noted_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  notedAt!: Date;
}
