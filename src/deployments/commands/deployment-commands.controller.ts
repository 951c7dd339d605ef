import { Body, Controller, HttpCode, HttpStatus, Param, Post, Query, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiBody, ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Context } from '../../common/http/context.decorator';
import { FailureWords } from '../../common/http/failure-words.decorator';
import { ApiProblem } from '../../common/problem/api-problem.decorator';
import type { RequestContext } from '../../common/request-context';
import { Idempotent } from '../../idempotency/idempotent.decorator';
import { DeployService } from './deploy.service';
import { DeployQueryDto } from '../dto/deploy-query.dto';
import { DEPLOY_EXAMPLE, DeployRequestDto, ScaleRequestDto } from '../dto/deploy-request.dto';
import { DeploymentAcceptedDto } from '../dto/deployment-accepted.dto';
import { DryRunDto } from '../dto/placement.dto';
import { LifecycleService } from './lifecycle.service';
import { RefuseExtras } from '../../common/http/refuse-extras.decorator';
import { ApiDeploymentId } from '../api-deployment-id.decorator';
import { requireDeploymentId } from '../refusals';
import { ScaleService } from './scale.service';

/** What changes deployments. Every method hands over to the service of its verb. */
@ApiTags('deployments')
@ApiBearerAuth()
@ApiProblem('unauthenticated', 'inactive_user', 'read_only_token', 'rate_limited', 'internal')
@Controller('deployment')
export class DeploymentCommandsController {
  constructor(
    private readonly deploys: DeployService,
    private readonly scales: ScaleService,
    private readonly lifecycle: LifecycleService,
  ) {}

  @Post('deploy')
  @HttpCode(HttpStatus.ACCEPTED)
  @FailureWords('Deployment failed')
  @ApiOperation({ summary: 'Deploy a container image', description: 'Accepted when this answers; placed and started in the background.' })
  @Idempotent()
  @ApiBody({ type: DeployRequestDto, examples: { web: { summary: 'Two replicas of a web server', value: DEPLOY_EXAMPLE } } })
  @ApiAcceptedResponse({ type: DeploymentAcceptedDto })
  @ApiExtraModels(DryRunDto)
  @ApiOkResponse({ description: 'With `dry_run=true`: where it would go. Nothing was written.', type: DryRunDto })
  @ApiProblem('malformed_json', 'invalid_request')
  @ApiProblem('already_exists', 'idempotency_in_progress')
  @ApiProblem('payload_too_large')
  @ApiProblem('unsupported_media_type')
  @ApiProblem('validation_failed', 'idempotency_key_reused')
  @ApiProblem('try_again')
  async deploy(
    @Body() body: DeployRequestDto,
    @Query() query: DeployQueryDto,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeploymentAcceptedDto | DryRunDto> {
    if (query.dry_run) {
      void reply.status(HttpStatus.OK);
      return DryRunDto.from(await this.deploys.preview(body.toSpec()));
    }
    const answer = await this.deploys.deploy(body.toSpec(), context, body.protectionReason());
    void reply.header('Location', `/api/deployment/status/${answer.deployment_id}`);
    return answer;
  }

  @Post('scale/:deployment_id')
  @HttpCode(HttpStatus.OK)
  @RefuseExtras('query')
  @FailureWords('Scaling failed')
  @ApiOperation({
    summary: 'Change the number of replicas',
    description: 'Up: places and reserves before it answers. Down: ends the oldest.',
  })
  @ApiDeploymentId()
  @Idempotent()
  @ApiOkResponse({ type: DeploymentAcceptedDto })
  @ApiProblem('malformed_json', 'invalid_request', 'invalid_state')
  @ApiProblem('not_found')
  @ApiProblem('idempotency_in_progress')
  @ApiProblem('payload_too_large')
  @ApiProblem('unsupported_media_type')
  @ApiProblem('validation_failed', 'idempotency_key_reused')
  @ApiProblem('insufficient_nodes', 'try_again')
  scale(
    @Param('deployment_id') id: string,
    @Body() body: ScaleRequestDto,
    @Context() context: RequestContext,
  ): Promise<DeploymentAcceptedDto> {
    return this.scales.scale(requireDeploymentId(id), body.replicas, context);
  }

  @Post(':deployment_id/stop')
  @HttpCode(HttpStatus.ACCEPTED)
  @RefuseExtras('body', 'query')
  @FailureWords('Stop failed')
  @ApiOperation({ summary: 'Stop all replicas and keep the deployment' })
  @ApiLifecycle()
  stop(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<DeploymentAcceptedDto> {
    return this.lifecycle.apply('stop', requireDeploymentId(id), context);
  }

  @Post(':deployment_id/start')
  @HttpCode(HttpStatus.ACCEPTED)
  @RefuseExtras('body', 'query')
  @FailureWords('Start failed')
  @ApiOperation({ summary: 'Start a stopped deployment again' })
  @ApiLifecycle()
  start(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<DeploymentAcceptedDto> {
    return this.lifecycle.apply('start', requireDeploymentId(id), context);
  }

  @Post(':deployment_id/retry')
  @HttpCode(HttpStatus.ACCEPTED)
  @RefuseExtras('body', 'query')
  @FailureWords('Retry failed')
  @ApiOperation({ summary: 'Schedule a failed deployment again' })
  @ApiLifecycle()
  retry(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<DeploymentAcceptedDto> {
    return this.lifecycle.apply('retry', requireDeploymentId(id), context);
  }
}

function ApiLifecycle(): MethodDecorator {
  const decorators = [
    ApiDeploymentId(),
    Idempotent(),
    ApiAcceptedResponse({ type: DeploymentAcceptedDto }),
    ApiProblem('invalid_state', 'invalid_request', 'malformed_json'),
    ApiProblem('not_found'),
    ApiProblem('idempotency_in_progress'),
    ApiProblem('payload_too_large'),
    ApiProblem('unsupported_media_type'),
    ApiProblem('validation_failed', 'idempotency_key_reused'),
    ApiProblem('try_again'),
  ];
  return (target, key, descriptor) => {
    for (const decorate of decorators) decorate(target, key, descriptor);
  };
}
