import { Body, Controller, Get, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ObeysIfMatch } from '../common/http/precondition';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { DeploymentDetailDto } from '../deployments/dto/deployment-detail.dto';
import { ETAG_HEADER } from '../deployments/etag';
import { DeploymentViewsService } from '../deployments/views/deployment-views.service';
import { changeAnswer, previewBody } from './change-answers';
import type { ChangePreview } from './change-previews';
import type { Changed } from './change.types';
import {
  ChangePreviewDto,
  ApplyQueryDto,
  DeploymentChangedDto,
  InProjectQueryDto,
  NAMED_EXAMPLE,
  NamedDeploymentDto,
  NameParamDto,
} from './dto/change.dto';
import { NamedDeploymentsService, type NamedOrder } from './named-deployments.service';
import { readNamed, requireObject } from './wanted';

const EXAMPLES = { web: { summary: 'Two replicas of a web server', value: NAMED_EXAMPLE } };

/** Deployments by their names: what scripts and pipelines use. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment/named')
export class NamedDeploymentsController {
  constructor(
    private readonly named: NamedDeploymentsService,
    private readonly views: DeploymentViewsService,
  ) {}

  @Get(':name')
  @FailureWords('Failed to retrieve deployment')
  @ApiOperation({ summary: 'See the whole deployment of a name' })
  @ApiOkResponse({ type: DeploymentDetailDto, headers: ETAG_HEADER })
  @ApiProblem('not_found')
  async detail(
    @Param() { name }: NameParamDto,
    @Query() { project }: InProjectQueryDto,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeploymentDetailDto> {
    const id = await this.named.idOf({ name, project: project ?? null }, actor);
    const { body, etag } = await this.views.detail(id, actor, { includeDeleted: false, finished: 10 });
    void reply.header('ETag', etag);
    return body;
  }

  @Put(':name')
  @FailureWords('Deployment failed')
  @ApiOperation({
    summary: 'Make a deployment exactly this',
    description:
      'Creates it, or changes it where it differs; safe to repeat. What is left out has its default, but a protection stays. A failed ' +
      'deployment that gets a new revision is scheduled again; a stopped one stays stopped.',
  })
  @Command(changeAnswer)
  @ObeysIfMatch()
  @ApiBody({ type: NamedDeploymentDto, examples: EXAMPLES })
  @ApiOkResponse({ type: DeploymentChangedDto, description: 'Nothing new to run' })
  @ApiAcceptedResponse({ type: DeploymentChangedDto, description: 'It was created, or a new revision rolls out' })
  @ApiProblem('invalid_state', 'role_required', 'not_found', 'quota_exceeded', 'insufficient_nodes')
  async apply(
    @Param() { name }: NameParamDto,
    @Body() body: unknown,
    @Query() query: ApplyQueryDto,
    @Context() context: RequestContext,
  ): Promise<Changed | { preview: ChangePreview }> {
    const order = orderOf({ name, project: query.project ?? null }, body);
    if (query.dry_run) return { preview: await this.named.preview(order, context) };
    return this.named.apply(order, context);
  }

  @Post(':name/preview')
  @HttpCode(200)
  @FailureWords('Failed to preview the deployment')
  @ApiOperation({ summary: 'See what making a deployment exactly this would do' })
  @ApiBody({ type: NamedDeploymentDto, examples: EXAMPLES })
  @ApiOkResponse({ type: ChangePreviewDto })
  @ApiProblem('role_required', 'not_found')
  async previewApply(
    @Param() { name }: NameParamDto,
    @Body() body: unknown,
    @Query() { project }: InProjectQueryDto,
    @Context() context: RequestContext,
  ): Promise<ChangePreviewDto> {
    return previewBody(await this.named.preview(orderOf({ name, project: project ?? null }, body), context));
  }
}

/** A protection that nobody speaks of was set by somebody else, who has a reason. */
const orderOf = ({ name, project }: Pick<NamedOrder, 'name' | 'project'>, body: unknown): NamedOrder => ({
  name,
  project,
  wanted: readNamed(name, body),
  keepsProtection: !Object.hasOwn(requireObject(body), 'protected'),
});
