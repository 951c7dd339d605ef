import { Body, Controller, Delete, Headers, HttpCode, HttpStatus, Param, Post, Query, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiExtraModels,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import { Context } from '../../common/http/context.decorator';
import { FailureWords } from '../../common/http/failure-words.decorator';
import { ApiProblem } from '../../common/problem/api-problem.decorator';
import type { RequestContext } from '../../common/request-context';
import { AppConfig } from '../../config/app-config';
import { Idempotent } from '../../idempotency/idempotent.decorator';
import { DeleteService } from '../deletion/delete.service';
import { DeletionPreviewService } from '../deletion/deletion-preview.service';
import { DeployService } from './deploy.service';
import { readDeletionQuery } from '../deletion/deletion-query';
import { DeleteQueryDto, DeployQueryDto } from '../dto/command-queries.dto';
import { DeletionAnswerDto } from '../dto/deletion-answer.dto';
import { DeletionPreviewDto } from '../dto/deletion-preview.dto';
import { DEPLOY_EXAMPLE, DeployRequestDto, ScaleRequestDto } from '../dto/deploy-request.dto';
import { DeploymentAcceptedDto } from '../dto/deployment-accepted.dto';
import { DryRunDto } from '../dto/placement.dto';
import { LifecycleService } from './lifecycle.service';
import { RefuseExtras } from '../../common/http/refuse-extras.decorator';
import { deletionPath, requireDeploymentId } from '../refusals';
import { ScaleService } from './scale.service';

const ApiId = (): MethodDecorator => ApiParam({ name: 'deployment_id', format: 'uuid', description: 'From the answer to POST /deploy' });

/** What changes deployments. Every method hands over to the service of its verb. */
@ApiTags('deployments')
@ApiBearerAuth()
@ApiProblem('unauthenticated', 'inactive_user', 'read_only_token', 'rate_limited', 'internal')
@Controller('deployment')
export class DeploymentCommandsController {
  constructor(
    private readonly config: AppConfig,
    private readonly deploys: DeployService,
    private readonly scales: ScaleService,
    private readonly deletes: DeleteService,
    private readonly previews: DeletionPreviewService,
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
  @ApiId()
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

  @Delete(':deployment_id')
  @RefuseExtras('body')
  @FailureWords('Deletion failed')
  @ApiOperation({
    summary: 'Delete a deployment',
    description:
      'One transaction decides it. The answer waits for the teardown; 202 when that takes longer than `wait`, and at once with ' +
      '`Prefer: respond-async`. With `dry_run=true` it only tells what would happen.',
  })
  @ApiId()
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'The `ETag` that was read: refuses (412) when the deployment has changed since',
  })
  @ApiHeader({ name: 'Prefer', required: false, description: '`respond-async` (RFC 7240): answer at once' })
  @Idempotent()
  @ApiExtraModels(DeletionAnswerDto, DeletionPreviewDto)
  @ApiOkResponse({
    description: 'Deleted; all replicas are confirmed stopped. With `dry_run=true`: the preview; nothing was written',
    schema: { oneOf: [{ $ref: getSchemaPath(DeletionAnswerDto) }, { $ref: getSchemaPath(DeletionPreviewDto) }] },
  })
  @ApiAcceptedResponse({
    description: 'Deleted; some replicas are still stopping. `Location` is the ledger',
    schema: { $ref: getSchemaPath(DeletionAnswerDto) },
  })
  @ApiProblem('invalid_deployment_id', 'invalid_request', 'malformed_json')
  @ApiProblem('not_found')
  @ApiProblem('already_deleted', 'deployment_protected', 'legal_hold', 'idempotency_in_progress')
  @ApiProblem('precondition_failed')
  @ApiProblem('payload_too_large')
  @ApiProblem('unsupported_media_type')
  @ApiProblem('validation_failed', 'idempotency_key_reused')
  @ApiProblem('try_again')
  async delete(
    @Param('deployment_id') id: string,
    @Query() query: DeleteQueryDto,
    @Headers() headers: IncomingHttpHeaders,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeletionAnswerDto | DeletionPreviewDto> {
    const deploymentId = requireDeploymentId(id, 'invalid_deployment_id');
    const { options, dryRun, waitSeconds, isAsync } = readDeletionQuery(query, headers, { graceSeconds: this.config.STOP_GRACE_SECONDS });
    if (dryRun) {
      const preview = await this.previews.preview(deploymentId, options, context.actor);
      void reply.header('ETag', preview.etag);
      return preview;
    }
    const { complete, answer } = await this.deletes.delete(deploymentId, options, waitSeconds, context);
    void reply.status(complete ? HttpStatus.OK : HttpStatus.ACCEPTED);
    if (!complete) void reply.header('Location', deletionPath(deploymentId));
    if (!complete && isAsync) void reply.header('Preference-Applied', 'respond-async');
    return answer;
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
    ApiId(),
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
