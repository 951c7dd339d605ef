import { Injectable } from '@nestjs/common';
import { eachAtATime } from '../common/each-at-a-time';
import type { Actor } from '../common/request-context';
import { within } from '../common/within';
import type { ReplicaDto } from '../deployments/dto/deployment-status.dto';
import { DeploymentViewsService } from '../deployments/views/deployment-views.service';
import type { NodeTarget } from '../engines/node-target';
import { NodesRepository } from '../nodes/nodes.repository';
import { DriverError, type LogLimits } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import type { ReplicaLogsDto } from './replica-logs.dto';

const ANSWER_WITHIN_MS = 5_000;
const AT_A_TIME_PER_NODE = 4;
/**
 * Limits for one replica, and for all together, of which each replica gets the same share. Megabytes of lines would
 * delay other requests.
 */
const MAX_REPLICA_BYTES = 1_000_000;
const MAX_ANSWER_BYTES = 4_000_000;

export interface LogsReader {
  readonly actor: Actor;
  /** Aborts when the client has disconnected. */
  readonly gone: AbortSignal;
}

type Reading = Pick<ReplicaLogsDto, 'lines' | 'cut' | 'error'>;

/**
 * Reads the output of containers. Besides a delete with `wait` it is the only request that waits for engines. It
 * changes nothing.
 */
@Injectable()
export class ReplicaLogsService {
  constructor(
    private readonly views: DeploymentViewsService,
    private readonly nodes: NodesRepository,
    private readonly runtimes: Runtimes,
  ) {}

  /**
   * Gives the last lines of every replica that has a container. All nodes are asked at the same time and within one
   * time limit, so a node that does not answer only costs the lines of its own replicas.
   */
  async read(deploymentId: string, tailLines: number, { actor, gone }: LogsReader): Promise<ReplicaLogsDto[]> {
    const { body } = await this.views.status(deploymentId, actor, false);
    const shown = body.replicas.filter(({ status }) => status === 'starting' || status === 'running' || status === 'stopping');
    const nodeIds = [...new Set(shown.map(({ node_id: nodeId }) => nodeId))];
    const targets = new Map((await this.nodes.targetsOf(nodeIds)).map((target) => [target.id, target]));
    const limits = { tailLines, maxBytes: Math.min(MAX_REPLICA_BYTES, Math.floor(MAX_ANSWER_BYTES / shown.length)) };
    const readings = await within(ANSWER_WITHIN_MS, gone, (signal) =>
      Promise.all(
        nodeIds.map((nodeId) => {
          const replicas = shown.filter((replica) => replica.node_id === nodeId);
          return this.readNode(targets.get(nodeId), replicas, limits, signal);
        }),
      ),
    );
    const readingOf = new Map(readings.flat());
    return shown.map(({ id, node_name: nodeName }) => ({ replica_id: id, node_name: nodeName, ...(readingOf.get(id) ?? TOO_LATE) }));
  }

  /** Reads the replicas of one node. Once its engine does not answer, it is not asked again. */
  private async readNode(
    target: NodeTarget | undefined,
    replicas: readonly ReplicaDto[],
    limits: LogLimits,
    signal: AbortSignal,
  ): Promise<[replicaId: string, Reading][]> {
    const driver = target && this.runtimes.driverFor(target.runtime);
    if (!driver) return replicas.map(({ id, runtime }) => [id, failed(`The ${runtime} runtime is not active here`)]);
    let away: Reading | undefined;
    const read = async (replicaId: string): Promise<Reading> => {
      try {
        const { lines, cut } = await driver.logs(target, replicaId, limits, signal);
        return { lines: [...lines], cut, error: null };
      } catch (error) {
        if (!(error instanceof DriverError)) throw error;
        const reading = signal.aborted ? TOO_LATE : failed(error.message);
        if (error.failure === 'unreachable') away = reading;
        return reading;
      }
    };
    const readings: [string, Reading][] = [];
    await eachAtATime(AT_A_TIME_PER_NODE, replicas, async ({ id }) => {
      readings.push([id, away ?? (signal.aborted ? TOO_LATE : await read(id))]);
    });
    return readings;
  }
}

const failed = (error: string): Reading => ({ lines: [], cut: false, error });
const TOO_LATE = failed('The lines could not be read in time');
