import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import type { Actor } from '../../common/request-context';
import { LiveReplicasRepository } from '../../deployments/live-replicas.repository';
import { DeploymentViewsService } from '../../deployments/views/deployment-views.service';
import { OpenStreams, type Reader } from '../../events/open-streams';
import { Runtimes } from '../../runtime/runtimes';
import { LogBudget } from '../log-budget';
import { FollowedReplicas } from './followed-replicas';
import { LiveReplicasWatch } from './live-replicas-watch';
import { LogStream, type WantedLog } from './log-stream';

/** Lets clients follow the logs of a deployment. It holds no connection to the database meanwhile. */
@Injectable()
export class LogFollowingService {
  private readonly followed = new FollowedReplicas();

  constructor(
    private readonly views: DeploymentViewsService,
    private readonly live: LiveReplicasRepository,
    private readonly watch: LiveReplicasWatch,
    private readonly runtimes: Runtimes,
    private readonly budget: LogBudget,
    private readonly streams: OpenStreams,
  ) {}

  /**
   * Text for `text/event-stream`, until the deployment is deleted and its last container has gone. Throws `not_found` for a missing,
   * foreign or deleted deployment, `rate_limited` when the user follows too much already.
   */
  async follow(deploymentId: string, wanted: WantedLog, { actor, reader }: { actor: Actor; reader: Reader }): Promise<Readable> {
    await this.views.status(deploymentId, actor, { includeDeleted: false, finished: 0 });
    const replicas = (await this.live.of([deploymentId])).get(deploymentId)?.replicas.length ?? 0;
    this.followed.require(actor.userId, replicas);
    return this.streams.begin(
      'logs',
      reader,
      (signal) =>
        new LogStream(wanted, {
          watch: (listener) => this.watch.join(deploymentId, listener),
          driverFor: ({ node }) => this.runtimes.driverFor(node.runtime),
          spend: (bytes) => this.budget.streamed(actor.userId, bytes),
          count: () => this.followed.add(actor.userId),
          signal,
        }),
    );
  }
}
