import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ClientGone } from '../common/http/client-gone.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor } from '../common/request-context';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';
import { ETAG_HEADER } from '../deployments/etag';
import { requireDeploymentId } from '../deployments/refusals';
import { DeploymentViewsService } from '../deployments/views/deployment-views.service';
import { FeedCall, type FeedCaller } from '../events/feed-call.decorator';
import { StreamRights } from '../events/stream-rights';
import { WaitService } from './wait.service';
import { WaitedDto, WaitQueryDto } from './watching.dto';

@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class WaitController {
  constructor(
    private readonly waits: WaitService,
    private readonly views: DeploymentViewsService,
    private readonly rights: StreamRights,
  ) {}

  @Get(':deployment_id/wait')
  @FailureWords('Failed to wait for the deployment')
  @ApiOperation({
    summary: 'Wait until a deployment runs, is healthy, rolled out, stopped or torn down',
    description: 'Answers with the status as soon as that is so, when it will not come true by itself any more, or when the time is over.',
  })
  @ApiDeploymentId()
  @ApiOkResponse({ type: WaitedDto, headers: ETAG_HEADER })
  @ApiProblem('not_found')
  async wait(
    @Param('deployment_id') id: string,
    @Query() query: WaitQueryDto,
    @CurrentActor() actor: Actor,
    @FeedCall() { host, reply }: FeedCaller,
    @ClientGone() gone: AbortSignal,
  ): Promise<WaitedDto> {
    const wish = { condition: query.for, timeoutMs: query.timeout * 1_000 };
    const deploymentId = requireDeploymentId(id);
    const sees = (): Promise<boolean> => this.views.sees(deploymentId, actor);
    const refusal = this.rights.refusal(host, actor, { needsAdmin: actor.isAdmin, sees });
    const { body, etag, reached } = await this.waits.wait(deploymentId, wish, { actor, gone, refusal });
    void reply.header('ETag', etag);
    return { reached, ...body };
  }
}
