import { Body, Controller, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Command } from '../../commands/command.decorator';
import { Context } from '../../common/http/context.decorator';
import { FailureWords } from '../../common/http/failure-words.decorator';
import { DryRunQueryDto } from '../../common/validation/dry-run.query.dto';
import { ObeysIfMatch } from '../../common/http/precondition';
import { ApiProblem } from '../../common/problem/api-problem.decorator';
import type { RequestContext } from '../../common/request-context';
import { deployAnswer, lifecycleAnswer, scaleAnswer } from './command-answers';
import { DeployService, type Deployed, type DeployPreview } from './deploy.service';
import { DEPLOY_EXAMPLE, DeployRequestDto, ScaleRequestDto } from '../dto/deploy-request.dto';
import { DeploymentAcceptedDto } from '../dto/deployment-accepted.dto';
import { LifecycleService, type LifecycleChanged } from './lifecycle.service';
import { RefuseExtras } from '../../common/http/refuse-extras.decorator';
import { ApiDeploymentId } from '../api-deployment-id.decorator';
import { requireDeploymentId } from '../refusals';
import { readOrder } from '../spec/spec-codec';
import { ScaleService, type Scaled } from './scale.service';

/** The routes that change deployments. Each method calls the service of its verb. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class DeploymentCommandsController {
  constructor(
    private readonly deploys: DeployService,
    private readonly scales: ScaleService,
    private readonly lifecycle: LifecycleService,
  ) {}

  @Post('deploy')
  @FailureWords('Deployment failed')
  @ApiOperation({ summary: 'Deploy a container image', description: 'Accepted when this answers; placed and started in the background.' })
  @Command(deployAnswer)
  @ApiBody({ type: DeployRequestDto, examples: { web: { summary: 'Two replicas of a web server', value: DEPLOY_EXAMPLE } } })
  @ApiAcceptedResponse({ type: DeploymentAcceptedDto })
  @ApiProblem('role_required', 'not_found', 'already_exists', 'quota_exceeded', 'route_taken')
  async deploy(
    @Body() body: DeployRequestDto,
    @Query() query: DryRunQueryDto,
    @Context() context: RequestContext,
  ): Promise<Deployed | { preview: DeployPreview }> {
    const order = readOrder(body);
    return query.dry_run ? { preview: await this.deploys.preview(order, context.actor) } : this.deploys.deploy(order, context);
  }

  @Post('scale/:deployment_id')
  @RefuseExtras('query')
  @FailureWords('Scaling failed')
  @ApiOperation({
    summary: 'Change the number of replicas',
    description: 'Up: places and reserves before it answers. Down: ends what does not answer or does not run yet first, then the oldest.',
  })
  @ApiDeploymentId()
  @Command(scaleAnswer)
  @ObeysIfMatch()
  @ApiOkResponse({ type: DeploymentAcceptedDto })
  @ApiProblem('invalid_state', 'role_required', 'not_found', 'quota_exceeded', 'insufficient_nodes')
  scale(@Param('deployment_id') id: string, @Body() body: ScaleRequestDto, @Context() context: RequestContext): Promise<Scaled> {
    return this.scales.scale(requireDeploymentId(id), body.replicas, context);
  }

  @Post(':deployment_id/stop')
  @RefuseExtras('body', 'query')
  @FailureWords('Stop failed')
  @ApiOperation({ summary: 'Stop all replicas and keep the deployment' })
  @Command(lifecycleAnswer)
  @ObeysIfMatch()
  @ApiLifecycle()
  stop(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<LifecycleChanged> {
    return this.lifecycle.apply('stop', requireDeploymentId(id), context);
  }

  @Post(':deployment_id/start')
  @RefuseExtras('body', 'query')
  @FailureWords('Start failed')
  @ApiOperation({ summary: 'Start a stopped deployment again' })
  @Command(lifecycleAnswer)
  @ObeysIfMatch()
  @ApiLifecycle()
  start(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<LifecycleChanged> {
    return this.lifecycle.apply('start', requireDeploymentId(id), context);
  }

  @Post(':deployment_id/retry')
  @RefuseExtras('body', 'query')
  @FailureWords('Retry failed')
  @ApiOperation({ summary: 'Schedule a failed deployment again' })
  @Command(lifecycleAnswer)
  @ObeysIfMatch()
  @ApiLifecycle()
  retry(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<LifecycleChanged> {
    return this.lifecycle.apply('retry', requireDeploymentId(id), context);
  }
}

function ApiLifecycle(): MethodDecorator {
  const decorators = [
    ApiDeploymentId(),
    ApiAcceptedResponse({ type: DeploymentAcceptedDto }),
    ApiProblem('role_required', 'conflict', 'not_found'),
  ];
  return (target, key, descriptor) => {
    for (const decorate of decorators) decorate(target, key, descriptor);
  };
}
