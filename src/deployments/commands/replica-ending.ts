import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction';
import { NodesRepository } from '../../nodes/nodes.repository';
import { ReplicasRepository } from '../replicas.repository';

/**
 * Ends live replicas in the caller's transaction, which holds the deployment's lock. Replicas that no engine knows are stopped
 * and release their capacity at once; the others become `stopping` and hold it until the engine confirms that they are gone.
 */
@Injectable()
export class ReplicaEnding {
  constructor(
    private readonly replicas: ReplicasRepository,
    private readonly nodes: NodesRepository,
  ) {}

  /** With a limit, the replicas that serve least end first (`ReplicasRepository.stop`). Returns the replicas that an engine still has to stop. */
  async end(tx: Tx, deploymentId: string, options: { reason: string; limit?: number }): Promise<{ stoppingIds: string[] }> {
    const ended = await this.replicas.stop(tx, deploymentId, options);
    const unstarted = ended.filter((replica) => replica.from === 'pending');
    if (unstarted.length > 0) {
      await this.nodes.release(
        tx,
        unstarted.map((replica) => replica.id),
      );
    }
    return { stoppingIds: ended.filter((replica) => replica.from !== 'pending').map((replica) => replica.id) };
  }
}
