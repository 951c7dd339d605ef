import { Injectable, Logger } from '@nestjs/common';
import type { LiveTarget } from '../../engines/node-target';
import { Hints } from '../../database/hints';
import { PubSub } from '../../database/pub-sub';
import type { ClaimedJob, JobHandler, JobResult } from '../../jobs/job-kinds';
import { NodesRepository } from '../../nodes/nodes.repository';
import { RouteTablesRepository } from '../../routing/route-tables.repository';
import { ROUTES_TOPIC } from '../../routing/routes.repository';
import type { Entrances } from '../../runtime/entrances';
import { Runtimes } from '../../runtime/runtimes';
import { EntranceFollower } from './entrance-follower';
import { EntrancesRepository } from './entrances.repository';

const LOOK_MS = 1_000;
/** While replicas that left may still answer, their end is told soon. */
const BUSY_LOOK_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** After this time the node is read anew: it may have been removed. */
const ROUND_MS = 60_000;

/**
 * Keeps what a cluster itself has so that deployments are reached there. It reports as a router does, so a replica that leaves is
 * ended only when the cluster has shown that it sends it nothing more. Its job lasts, so that one process at a time does this.
 */
@Injectable()
export class NodeEntrancesHandler implements JobHandler {
  readonly kind = 'node.entrances';
  /** One that waits costs a statement each second. */
  readonly concurrency = 100_000;
  private readonly logger = new Logger(NodeEntrancesHandler.name);

  constructor(
    private readonly nodes: NodesRepository,
    private readonly repository: EntrancesRepository,
    private readonly tables: RouteTablesRepository,
    private readonly runtimes: Runtimes,
    private readonly pubSub: PubSub,
  ) {}

  async handle({ key }: Pick<ClaimedJob, 'key'>, signal: AbortSignal): Promise<JobResult> {
    const [node] = await this.nodes.targetsOf([key]);
    const entrances = node && this.runtimes.driverFor(node.runtime)?.entrances;
    if (!node || !entrances) {
      await this.tables.leave(key);
      return { kind: 'done' };
    }
    await this.follow(node, entrances, signal);
    return { kind: 'again', afterMs: 0 };
  }

  private async follow(node: LiveTarget, engine: Entrances, signal: AbortSignal): Promise<void> {
    const follower = new EntranceFollower(node, { engine, wanted: () => this.repository.wanted(node.id) });
    const hints = new Hints(this.pubSub, ROUTES_TOPIC);
    const end = performance.now() + ROUND_MS;
    let [vain, told, isRouter] = [0, '', true];
    try {
      while (performance.now() < end) {
        let pauseMs = LOOK_MS;
        hints.clear();
        try {
          const progress = await follower.look(signal);
          if (progress) await this.tables.report({ id: node.id, kind: node.runtime, address: `cluster ${node.name}`, ...progress });
          else if (isRouter) await this.tables.leave(node.id);
          isRouter = progress !== null;
          const [trouble = ''] = Object.values(progress?.behind ?? {});
          if (trouble !== '' && trouble !== told) this.logger.warn(`Node ${node.name}: ${trouble}`);
          told = trouble;
          vain = 0;
          if (progress && progress.busy.length > 0) pauseMs = BUSY_LOOK_MS;
        } catch (error) {
          signal.throwIfAborted();
          const words = error instanceof Error ? error.message : String(error);
          if (words !== told) this.logger.warn(`What leads to deployments on node ${node.name} stays as it is: ${words}`);
          told = words;
          pauseMs = Math.min(LONGEST_PAUSE_MS, LOOK_MS * 2 ** vain++);
        }
        await hints.wait(pauseMs, signal);
        signal.throwIfAborted();
      }
    } finally {
      hints.end();
    }
  }
}
