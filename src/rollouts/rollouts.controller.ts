import { applyDecorators, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ObeysIfMatch } from '../common/http/precondition';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';
import { StatusQueryDto } from '../deployments/dto/page-query.dto';
import { RolloutDto } from '../deployments/dto/rollout.dto';
import { requireDeploymentId } from '../deployments/refusals';
import { DeploymentViewsService } from '../deployments/views/deployment-views.service';
import { changeAnswer } from './change-answers';
import type { Changed } from './change.types';
import { DeploymentChangedDto } from './dto/change.dto';
import { RolloutVerbsService } from './rollout-verbs.service';

const Verb = (): MethodDecorator =>
  applyDecorators(
    RefuseExtras('body', 'query'),
    FailureWords('The rollout could not be changed'),
    ApiDeploymentId(),
    ObeysIfMatch(),
    ApiProblem('not_found', 'conflict'),
  );

/** The newest rollout of a deployment, and what can be done with it while it is open. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment/:deployment_id/rollout')
export class RolloutsController {
  constructor(
    private readonly views: DeploymentViewsService,
    private readonly verbs: RolloutVerbsService,
  ) {}

  @Get()
  @FailureWords('Failed to retrieve the rollout')
  @ApiOperation({ summary: 'See the newest rollout', description: 'Also when it is over. Without any: 404 `no_rollout`.' })
  @ApiDeploymentId()
  @ApiOkResponse({ type: RolloutDto })
  @ApiProblem('not_found', 'no_rollout')
  async read(
    @Param('deployment_id') id: string,
    @Query() { include_deleted: includeDeleted }: StatusQueryDto,
    @CurrentActor() actor: Actor,
  ): Promise<RolloutDto> {
    const { body } = await this.views.status(requireDeploymentId(id), actor, { includeDeleted, finished: 0 });
    if (body.rollout) return body.rollout;
    throw new DomainError('no_rollout', 'The deployment was never changed or restarted, so there was no rollout');
  }

  @Post('pause')
  @HttpCode(200)
  @Verb()
  @ApiOperation({ summary: 'Pause a rollout', description: 'Nothing begins and nothing leaves; what serves is kept up.' })
  @Command(changeAnswer)
  @ApiOkResponse({ type: DeploymentChangedDto })
  pause(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<Changed> {
    return this.verbs.apply('pause', requireDeploymentId(id), context);
  }

  @Post('resume')
  @HttpCode(200)
  @Verb()
  @ApiOperation({ summary: 'Go on with a paused rollout', description: 'With a new deadline; failures from before do not count.' })
  @Command(changeAnswer)
  @ApiOkResponse({ type: DeploymentChangedDto })
  resume(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<Changed> {
    return this.verbs.apply('resume', requireDeploymentId(id), context);
  }

  @Post('abort')
  @Verb()
  @ApiOperation({ summary: 'Abort a rollout and go back', description: 'The replicas from before come back as the policy says.' })
  @Command(changeAnswer)
  @ApiAcceptedResponse({ type: DeploymentChangedDto })
  abort(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<Changed> {
    return this.verbs.apply('abort', requireDeploymentId(id), context);
  }
}
