import { Body, Controller, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiBody, ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Command } from '../../commands/command.decorator';
import { Context } from '../../common/http/context.decorator';
import { FailureWords } from '../../common/http/failure-words.decorator';
import { ApiProblem } from '../../common/problem/api-problem.decorator';
import type { RequestContext } from '../../common/request-context';
import type { Placement } from '../../scheduling/place.types';
import { deployAnswer, lifecycleAnswer, scaleAnswer } from './command-answers';
import { DeployService, type Deployed } from './deploy.service';
import { DeployQueryDto } from '../dto/deploy-query.dto';
import { DEPLOY_EXAMPLE, DeployRequestDto, ScaleRequestDto } from '../dto/deploy-request.dto';
import { DeploymentAcceptedDto } from '../dto/deployment-accepted.dto';
import { DryRunDto } from '../dto/placement.dto';
import { LifecycleService, type LifecycleChanged } from './lifecycle.service';
import { RefuseExtras } from '../../common/http/refuse-extras.decorator';
import { ApiDeploymentId } from '../api-deployment-id.decorator';
import { requireDeploymentId } from '../refusals';
import { readSpec } from '../spec/spec-codec';
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
  @ApiExtraModels(DryRunDto)
  @ApiOkResponse({ description: 'With `dry_run=true`: where it would go. Nothing was written.', type: DryRunDto })
  @ApiProblem('already_exists', 'quota_exceeded')
  async deploy(
    @Body() body: DeployRequestDto,
    @Query() query: DeployQueryDto,
    @Context() context: RequestContext,
  ): Promise<Deployed | { preview: Placement }> {
    if (query.dry_run) return { preview: await this.deploys.preview(readSpec(body)) };
    return this.deploys.deploy(readSpec(body), context, body.protectionReason());
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
  @ApiOkResponse({ type: DeploymentAcceptedDto })
  @ApiProblem('invalid_state', 'not_found', 'quota_exceeded', 'insufficient_nodes')
  scale(@Param('deployment_id') id: string, @Body() body: ScaleRequestDto, @Context() context: RequestContext): Promise<Scaled> {
    return this.scales.scale(requireDeploymentId(id), body.replicas, context);
  }

  @Post(':deployment_id/stop')
  @RefuseExtras('body', 'query')
  @FailureWords('Stop failed')
  @ApiOperation({ summary: 'Stop all replicas and keep the deployment' })
  @Command(lifecycleAnswer)
  @ApiLifecycle()
  stop(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<LifecycleChanged> {
    return this.lifecycle.apply('stop', requireDeploymentId(id), context);
  }

  @Post(':deployment_id/start')
  @RefuseExtras('body', 'query')
  @FailureWords('Start failed')
  @ApiOperation({ summary: 'Start a stopped deployment again' })
  @Command(lifecycleAnswer)
  @ApiLifecycle()
  start(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<LifecycleChanged> {
    return this.lifecycle.apply('start', requireDeploymentId(id), context);
  }

  @Post(':deployment_id/retry')
  @RefuseExtras('body', 'query')
  @FailureWords('Retry failed')
  @ApiOperation({ summary: 'Schedule a failed deployment again' })
  @Command(lifecycleAnswer)
  @ApiLifecycle()
  retry(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<LifecycleChanged> {
    return this.lifecycle.apply('retry', requireDeploymentId(id), context);
  }
}

function ApiLifecycle(): MethodDecorator {
  const decorators = [ApiDeploymentId(), ApiAcceptedResponse({ type: DeploymentAcceptedDto }), ApiProblem('invalid_state', 'not_found')];
  return (target, key, descriptor) => {
    for (const decorate of decorators) decorate(target, key, descriptor);
  };
}
