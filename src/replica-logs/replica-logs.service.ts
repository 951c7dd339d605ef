import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/request-context';
import { DeploymentViewsService } from '../deployments/views/deployment-views.service';
import type { ReplicaDto } from '../deployments/dto/deployment-status.dto';
import { NodesRepository } from '../nodes/nodes.repository';
import { DriverError, type NodeTarget } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import type { ReplicaLogsDto } from './replica-logs.dto';

const ANSWER_WITHIN_MS = 5_000;
const AT_A_TIME = 8;

/** Reads what containers wrote. Beside deletes' waiting it is the only request that waits for engines; it changes nothing. */
@Injectable()
export class ReplicaLogsService {
  constructor(
    private readonly views: DeploymentViewsService,
    private readonly nodes: NodesRepository,
    private readonly runtimes: Runtimes,
  ) {}

  /** Of every replica that has a container. A node that does not answer costs its own replicas their lines, no more. */
  async read(deploymentId: string, actor: Actor, tailLines: number): Promise<ReplicaLogsDto[]> {
    const { body } = await this.views.status(deploymentId, actor, false);
    const { replicas } = body;
    const targets = new Map((await this.nodes.targets([this.runtimes.active.kind])).map((target) => [target.id, target]));
    const shown = replicas.filter(
      (replica) => replica.status === 'starting' || replica.status === 'running' || replica.status === 'stopping',
    );
    const answers: ReplicaLogsDto[] = [];
    for (let start = 0; start < shown.length; start += AT_A_TIME) {
      const batch = shown.slice(start, start + AT_A_TIME);
      answers.push(...(await Promise.all(batch.map((replica) => this.readOne(replica, targets.get(replica.node_id), tailLines)))));
    }
    return answers;
  }

  private async readOne(replica: ReplicaDto, target: NodeTarget | undefined, tailLines: number): Promise<ReplicaLogsDto> {
    const answer = { replica_id: replica.id, node_name: replica.node_name };
    const driver = target && this.runtimes.driverFor(target.runtime);
    if (!driver) return { ...answer, lines: [], error: `The ${replica.runtime} runtime is not active here` };
    try {
      const lines = await driver.logs(target, replica.id, { tailLines, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      return { ...answer, lines: [...lines], error: null };
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      return { ...answer, lines: [], error: error.message };
    }
  }
}
