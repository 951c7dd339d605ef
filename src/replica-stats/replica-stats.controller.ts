import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Readable } from 'node:stream';
import { ClientGone } from '../common/http/client-gone.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor } from '../common/request-context';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';
import { deploymentNotFound, requireDeploymentId } from '../deployments/refusals';
import { DeploymentViewsService } from '../deployments/views/deployment-views.service';
import { FeedCall, type FeedCaller } from '../events/feed-call.decorator';
import { OpenStreams } from '../events/open-streams';
import { STREAM_HEADERS } from '../events/stream-headers';
import { StreamRights } from '../events/stream-rights';
import { DeploymentStats } from './deployment-stats';
import { ReplicaStatsDto, StatsQueryDto } from './replica-stats.dto';
import { StatsStream } from './stats-stream';

/** So many answers of one second are one: whoever asks more often gets the same again. */
const MAX_AGE_MS = 1_000;

@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class ReplicaStatsController {
  constructor(
    private readonly views: DeploymentViewsService,
    private readonly stats: DeploymentStats,
    private readonly streams: OpenStreams,
    private readonly rights: StreamRights,
  ) {}

  @Get(':deployment_id/stats')
  @FailureWords('Failed to read stats')
  @ApiOperation({
    summary: 'Read what the containers use: processor, memory, network',
    description:
      'Of every replica that may have a container, as its engine measures it. With `follow` a stream (server-sent events) of `stats` ' +
      'events, each with such an array, and an `end` when the deployment is deleted.',
  })
  @ApiDeploymentId()
  @ApiOkResponse({ type: ReplicaStatsDto, isArray: true })
  @ApiProblem('not_found')
  async read(
    @Param('deployment_id') id: string,
    @Query() { follow, interval }: StatsQueryDto,
    @CurrentActor() actor: Actor,
    @FeedCall() { host, request, reply }: FeedCaller,
    @ClientGone() gone: AbortSignal,
  ): Promise<readonly ReplicaStatsDto[] | Readable> {
    const deploymentId = requireDeploymentId(id);
    await this.views.status(deploymentId, actor, { includeDeleted: false, finished: 0 });
    if (!follow || request.method === 'HEAD') {
      const usage = await this.stats.read(deploymentId, MAX_AGE_MS);
      if (usage === null) throw deploymentNotFound(deploymentId);
      return usage;
    }
    const sees = (): Promise<boolean> => this.views.sees(deploymentId, actor);
    const reader = { userId: actor.userId, gone, refusal: this.rights.refusal(host, actor, { needsAdmin: actor.isAdmin, sees }) };
    const read = (): Promise<readonly ReplicaStatsDto[] | null> => this.stats.read(deploymentId, MAX_AGE_MS);
    const stream = this.streams.begin('stats', reader, (signal) => new StatsStream({ intervalMs: interval * 1_000, read, signal }));
    void reply.headers(STREAM_HEADERS);
    return stream;
  }
}
