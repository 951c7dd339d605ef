import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { CallKind } from '../link-messages';

/** A question to an agent whose link another process holds. Lives for seconds, or for as long as its log is followed. */
@Entity({ name: 'agent_calls' })
@Index('ix_agent_calls_node', ['nodeId'])
export class AgentCallRow {
  @PrimaryColumn({ name: 'id', type: 'uuid', primaryKeyConstraintName: 'pk_agent_calls' })
  id!: string;

  @Column({ name: 'node_id', type: 'uuid' })
  nodeId!: string;

  @Column({ name: 'call', type: 'text' })
  call!: CallKind;

  /** Sealed. */
  @Column({ name: 'arguments', type: 'jsonb' })
  arguments!: string;

  /** How many lines the reader has taken, or takes now, in all. */
  @Column({ name: 'lines', type: 'bigint', default: 0 })
  lines!: string;

  /** The process that asks the agent; null: none has taken the question yet. */
  @Column({ name: 'holder', type: 'uuid', nullable: true })
  holder!: string | null;

  @Column({ name: 'touched_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  touchedAt!: Date;
}

/** A part of the answer, on its way from the process with the link to the one that asked. */
@Entity({ name: 'agent_call_parts' })
export class AgentCallPart {
  @ForeignKey('AgentCallRow', { name: 'fk_agent_call_parts_call', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'call_id', type: 'uuid', primaryKeyConstraintName: 'pk_agent_call_parts' })
  callId!: string;

  @PrimaryColumn({ name: 'number', type: 'integer', primaryKeyConstraintName: 'pk_agent_call_parts' })
  number!: number;

  @Column({ name: 'part', type: 'jsonb' })
  part!: unknown;
}
