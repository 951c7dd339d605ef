import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/request-context';
import { KeptLogsRepository } from '../deployments/kept-logs.repository';
import { LiveReplicasRepository, type LiveReplica } from '../deployments/live-replicas.repository';
import { DeploymentViewsService } from '../deployments/views/deployment-views.service';
import { askReplicas } from '../runtime/ask-replicas';
import type { LogLimits } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import { LogBudget } from './log-budget';
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

type WantedLines = Pick<LogLimits, 'tailLines' | 'since'>;

/**
 * Reads the output of containers. Besides a delete with `wait` it is the only request that waits for engines. It
 * changes nothing.
 */
@Injectable()
export class ReplicaLogsService {
  constructor(
    private readonly views: DeploymentViewsService,
    private readonly keptLogs: KeptLogsRepository,
    private readonly live: LiveReplicasRepository,
    private readonly runtimes: Runtimes,
    private readonly budget: LogBudget,
  ) {}

  /**
   * Gives the last lines of every replica that has a container, then the kept ones of those that have failed, within the budget of
   * the reader. Throws `rate_limited` beyond it.
   */
  async read(deploymentId: string, wanted: WantedLines, reader: LogsReader): Promise<ReplicaLogsDto[]> {
    await this.views.status(deploymentId, reader.actor, { includeDeleted: false, finished: 0 });
    const shown = (await this.live.of([deploymentId])).get(deploymentId)?.replicas ?? [];
    return this.budget.spend(reader.actor.userId, shown.length, async () => {
      const kept = wanted.since === undefined ? await this.kept(deploymentId, wanted.tailLines) : [];
      const result = [...(await this.readAll(shown, wanted, reader.gone)), ...kept];
      return { result, bytes: result.reduce((sum, { lines }) => sum + lines.join('').length, 0) };
    });
  }

  private async readAll(shown: readonly LiveReplica[], wanted: WantedLines, gone: AbortSignal): Promise<ReplicaLogsDto[]> {
    const limits = { ...wanted, maxBytes: Math.min(MAX_REPLICA_BYTES, Math.floor(MAX_ANSWER_BYTES / shown.length)) };
    const logs = await askReplicas(shown, {
      runtimes: this.runtimes,
      atATimePerNode: AT_A_TIME_PER_NODE,
      withinMs: ANSWER_WITHIN_MS,
      tooLate: TOO_LATE,
      gone,
      ask: (driver, node, id, signal) => driver.logs(node, id, limits, signal),
    });
    return shown.map(({ id, node }) => {
      const log = logs.get(id) ?? { error: TOO_LATE };
      const { lines, cut, error } = 'said' in log ? log.said : { lines: [], cut: false, error: log.error };
      return { replica_id: id, node_name: node.name, lines: [...lines], cut, error, kept: false };
    });
  }

  /** What was kept of replicas that have ended, newest first: a few hundred kilobytes at most. */
  private async kept(deploymentId: string, tailLines: number): Promise<ReplicaLogsDto[]> {
    const logs = await this.keptLogs.ofDeployment(deploymentId);
    return logs.map(({ replicaId, nodeName, lines, cut }) => ({
      replica_id: replicaId,
      node_name: nodeName,
      lines: lines.slice(-tailLines),
      cut,
      error: null,
      kept: true,
    }));
  }
}

const TOO_LATE = 'The lines could not be read in time';
