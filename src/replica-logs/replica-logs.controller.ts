import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Readable } from 'node:stream';
import { ClientGone } from '../common/http/client-gone.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor } from '../common/request-context';
import { requireDeploymentId } from '../deployments/refusals';
import { DeploymentViewsService } from '../deployments/views/deployment-views.service';
import { FeedCall, type FeedCaller } from '../events/feed-call.decorator';
import { STREAM_HEADERS } from '../events/stream-headers';
import { StreamRights } from '../events/stream-rights';
import { LogFollowingService } from './following/log-following.service';
import { readLogsQuery } from './logs-query';
import { LogsQueryDto, ReplicaLogsDto } from './replica-logs.dto';
import { ReplicaLogsService } from './replica-logs.service';

@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class ReplicaLogsController {
  constructor(
    private readonly logs: ReplicaLogsService,
    private readonly following: LogFollowingService,
    private readonly rights: StreamRights,
    private readonly views: DeploymentViewsService,
  ) {}

  @Get(':deployment_id/logs')
  @FailureWords('Failed to read logs')
  @ApiOperation({
    summary: 'Read the last lines that the containers wrote, or follow them',
    description:
      'Of the replicas that have a container now, then, without `since`, the kept last lines of the newest replicas that have failed. ' +
      'With `follow` a stream (server-sent events): `line` events, and `joined`, `left`, `interrupted`, `resumed`, `paused` and `end`.',
  })
  @ApiParam({ name: 'deployment_id', format: 'uuid', description: 'From the answer to POST /deploy' })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'With `follow`: the `id` of the last event of a stream that broke off',
  })
  @ApiOkResponse({ type: ReplicaLogsDto, isArray: true })
  @ApiProblem('not_found')
  async read(
    @Param('deployment_id') id: string,
    @Query() query: LogsQueryDto,
    @CurrentActor() actor: Actor,
    @FeedCall() { host, request, reply, lastEventId }: FeedCaller,
    @ClientGone() gone: AbortSignal,
  ): Promise<ReplicaLogsDto[] | Readable> {
    const deploymentId = requireDeploymentId(id);
    const follows = query.follow && request.method !== 'HEAD';
    const { since, tailLines, position } = readLogsQuery(query, follows ? lastEventId : undefined);
    if (!follows) return this.logs.read(deploymentId, { tailLines, ...(since === null ? {} : { since }) }, { actor, gone });
    const sees = (): Promise<boolean> => this.views.sees(deploymentId, actor);
    const reader = { userId: actor.userId, gone, refusal: this.rights.refusal(host, actor, { needsAdmin: actor.isAdmin, sees }) };
    const stream = await this.following.follow(deploymentId, { since, tailLines, position }, { actor, reader });
    void reply.headers(STREAM_HEADERS);
    return stream;
  }
}
