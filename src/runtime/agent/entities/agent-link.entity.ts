import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import type { EngineInfo } from '../../../engines/engine-info';
import type { OrderTrouble, ReportedWorkload } from '../link-messages';

/** The link of a node, and what came through it last. Written at most once a second by reports. */
@Entity({ name: 'agent_links' })
export class AgentLinkRow {
  @ForeignKey('NodeAgent', { name: 'fk_agent_links_node_agent', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'node_id', type: 'uuid', primaryKeyConstraintName: 'pk_agent_links' })
  nodeId!: string;

  /** Counts the links. Only the newest one may write. */
  @Column({ name: 'epoch', type: 'bigint', default: 0 })
  epoch!: string;

  /** The process that holds the link; null: there is none. */
  @Column({ name: 'holder', type: 'uuid', nullable: true })
  holder!: string | null;

  /** Of the hello that began the link: the start of the agent that holds it. Null: by a program that did not note it. */
  @Column({ name: 'session', type: 'text', nullable: true })
  session!: string | null;

  /** The last link that reported, so whose ticket has reached the disk of the machine. */
  @Column({ name: 'confirmed_epoch', type: 'bigint', default: 0 })
  confirmedEpoch!: string;

  /** The key with which the ticket of the present link was sealed, as its id. Null: by a program that did not note it. */
  @Column({ name: 'issued_key', type: 'bigint', nullable: true })
  issuedKey!: string | null;

  /** The same of the ticket that has reached the disk of the machine. */
  @Column({ name: 'confirmed_key', type: 'bigint', nullable: true })
  confirmedKey!: string | null;

  @Column({ name: 'last_heard', type: 'timestamptz', nullable: true })
  lastHeard!: Date | null;

  /** The newest version of all orders of the node. */
  @Column({ name: 'orders_version', type: 'bigint', default: 0 })
  ordersVersion!: string;

  /** The newest version that the agent has on its disk. */
  @Column({ name: 'seen_version', type: 'bigint', default: 0 })
  seenVersion!: string;

  @Column({ name: 'reported_at', type: 'timestamptz', nullable: true })
  reportedAt!: Date | null;

  /** Null: the engine of the machine does not answer its agent. */
  @Column({ name: 'engine', type: 'jsonb', nullable: true })
  engine!: EngineInfo | null;

  @Column({ name: 'engine_trouble', type: 'text', nullable: true })
  engineTrouble!: string | null;

  /** By replica, as are the next two. */
  @Column({ name: 'workloads', type: 'jsonb', default: {} })
  workloads!: Record<string, ReportedWorkload>;

  @Column({ name: 'troubles', type: 'jsonb', default: {} })
  troubles!: Record<string, OrderTrouble>;

  @Column({ name: 'progress', type: 'jsonb', default: {} })
  progress!: Record<string, string>;
}
