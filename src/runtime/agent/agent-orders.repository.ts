import type { DataSource } from 'typeorm';
import type { SecretBox } from '../../common/crypto/secret-box';
import type { PubSub } from '../../database/pub-sub';
import { DriverError, type WorkloadSpec } from '../runtime-driver';
import { LARGEST_MESSAGE_BYTES, type OrderWill } from './link-messages';
import { orderContext } from './order-spec';
import { END, FORGET, OTHERS, RUN, WITHDRAW } from './agent-orders.sql';
import { AGENT_TOPICS } from './topics';

/** The rest of the message is for what stands around a spec. */
const LARGEST_SPEC_BYTES = LARGEST_MESSAGE_BYTES - 64 * 1024;

/**
 * So many replicas a node may have orders for before another one is refused, those on their way out included. A report takes 2,000
 * containers: the rest is for starts that are asked for at the same moment, and for containers that no order is about.
 */
const MOST_ORDERED = 1_500;

/** What a node is to run for a replica. */
export interface RunOrder {
  readonly spec: WorkloadSpec;
  readonly resumeRunAt: Date | null;
  readonly ociRuntime: string | null;
}

/**
 * Writes what nodes should have. Each change is one statement that takes the next version of its node, so that versions are committed
 * in their order, and of two changes at once the later one is the will.
 */
export class AgentOrdersRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly box: SecretBox,
    private readonly pubSub: PubSub,
  ) {}

  /** A text that is the same for the same order. */
  fingerprint({ spec, resumeRunAt, ociRuntime }: RunOrder): string {
    return this.box.fingerprint(JSON.stringify([spec, resumeRunAt?.toISOString() ?? null, ociRuntime]), 'agent order');
  }

  /** Orders a workload, unless just this is ordered and has not ended. Throws `unfit` for a spec that no message can carry, and where there is no room. */
  async run(nodeId: string, order: RunOrder): Promise<void> {
    const { replicaId, deploymentId } = order.spec;
    const text = JSON.stringify(order.spec);
    const bytes = Buffer.byteLength(text);
    if (bytes > LARGEST_SPEC_BYTES) {
      const words = `The container's spec, environment included, has ${bytes} bytes`;
      throw new DriverError('unfit', `${words}, and a machine with an agent takes at most ${LARGEST_SPEC_BYTES}`);
    }
    await this.refuseCrowd(nodeId, replicaId);
    const sealed = this.box.seal(text, orderContext(nodeId, replicaId));
    await this.write(nodeId, RUN, [...[replicaId, deploymentId, sealed, this.fingerprint(order), order.resumeRunAt, order.ociRuntime]]);
  }

  /**
   * Orders that a workload stops, or that it is gone, unless that is ordered already: a removal is not undone, and a stop that is under
   * way never takes longer.
   */
  async end(
    nodeId: string,
    {
      replicaId,
      deploymentId,
      will,
      graceSeconds,
    }: { replicaId: string; deploymentId: string | null; will: Exclude<OrderWill, 'run'>; graceSeconds: number },
  ): Promise<void> {
    await this.write(nodeId, END, [replicaId, deploymentId, will, graceSeconds]);
  }

  /**
   * Takes a start back, if it is still the will and has made nothing: there shall be no workload then, or only the suspended one that
   * should have gone on.
   */
  async withdraw(nodeId: string, replicaId: string, version: number): Promise<void> {
    await this.write(nodeId, WITHDRAW, [replicaId, version]);
  }

  /** Forgets orders that ended long ago: the agent has forgotten them, or will be told all that there is when it is back. */
  async forgetEnded(nodeId: string): Promise<void> {
    await this.dataSource.query(FORGET, [nodeId]);
  }

  private async refuseCrowd(nodeId: string, replicaId: string): Promise<void> {
    const [{ others }] = await this.dataSource.query<[{ others: number }]>(OTHERS, [nodeId, replicaId]);
    if (others < MOST_ORDERED) return;
    const words = `This node has ${others} replicas, those on their way out included`;
    throw new DriverError('unfit', `${words}, and a machine with an agent takes at most ${MOST_ORDERED}`);
  }

  private async write(nodeId: string, statement: string, parameters: readonly unknown[]): Promise<void> {
    const rows = await this.dataSource.query<unknown[] | [unknown[], number]>(statement, [nodeId, ...parameters]);
    const written = Array.isArray(rows[0]) ? rows[0].length : rows.length;
    if (written > 0) this.pubSub.publish(AGENT_TOPICS.orders, nodeId);
  }
}
