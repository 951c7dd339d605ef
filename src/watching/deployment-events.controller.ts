import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Readable } from 'node:stream';
import { ClientGone } from '../common/http/client-gone.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { NEXT_PAGE_HEADER } from '../common/http/page-headers';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor } from '../common/request-context';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';
import { requireDeploymentId } from '../deployments/refusals';
import { DeploymentViewsService } from '../deployments/views/deployment-views.service';
import { EventPageDto } from '../events/dto/event-page.dto';
import { FeedQueryDto } from '../events/dto/events.query';
import { readFeedQuery } from '../events/events-query';
import { FeedAnswers } from '../events/feed-answers';
import { FeedCall, type FeedCaller } from '../events/feed-call.decorator';

/** The feed of one deployment, for whoever may see that, also when it is deleted. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class DeploymentEventsController {
  constructor(
    private readonly views: DeploymentViewsService,
    private readonly answers: FeedAnswers,
  ) {}

  @Get(':deployment_id/events')
  @FailureWords('Failed to read events')
  @ApiOperation({
    summary: 'Read what happened to one deployment, in order, without gaps',
    description:
      'With `Accept: text/event-stream` a stream (server-sent events) that `Last-Event-ID` resumes; else a page, for which `wait` ' +
      'may wait. A deleted deployment has its events until it is purged.',
  })
  @ApiDeploymentId()
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'The `id` of the last event of a stream that broke off' })
  @ApiOkResponse({ type: EventPageDto, headers: NEXT_PAGE_HEADER })
  @ApiProblem('not_found', 'events_gone')
  async read(
    @Param('deployment_id') id: string,
    @Query() query: FeedQueryDto,
    @CurrentActor() actor: Actor,
    @FeedCall() caller: FeedCaller,
    @ClientGone() gone: AbortSignal,
  ): Promise<EventPageDto | Readable> {
    const deploymentId = requireDeploymentId(id);
    await this.views.status(deploymentId, actor, { includeDeleted: true, finished: 0 });
    const asked = readFeedQuery(query, { userId: null, deploymentId }, caller.lastEventId);
    return this.answers.answer(asked, caller, { actor, needsAdmin: actor.isAdmin, sees: () => this.views.sees(deploymentId, actor), gone });
  }
}
