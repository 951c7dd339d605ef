import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { TAKES_LARGE_BODY } from '../common/validation/json-body';
import { BulkDeployService, type BulkDeployRequest } from './bulk-deploy.service';
import { BulkDeployPreviewDto } from './dto/bulk-deploy-preview.dto';
import { BULK_DEPLOY_EXAMPLE, BulkDeployRequestDto } from './dto/bulk-deploy-request.dto';
import { OperationDto } from './dto/operation.dto';
import { bulkDeployAnswer } from './operation-answers';
import type { OperationReport } from './operation.types';

const EXAMPLES = { two: { summary: 'Two web servers', value: BULK_DEPLOY_EXAMPLE } };

/** Deploying many at once, and what that would do. */
@ApiTags('operations')
@ApiBearerAuth()
@Controller('deployment/bulk-deploy')
export class BulkDeployController {
  constructor(private readonly deploys: BulkDeployService) {}

  @Post()
  @RefuseExtras('query')
  @FailureWords('Bulk deploy failed', TAKES_LARGE_BODY)
  @ApiOperation({
    summary: 'Deploy up to 1,000 deployments',
    description:
      'Each is decided like a single deploy, after those before it, and has its own result: `created`, or the problem that it would have got. ' +
      'All of them are committed when this answers. What has room is scheduled at once; everything is started in the background.',
  })
  @Command(bulkDeployAnswer)
  @ApiBody({ type: BulkDeployRequestDto, examples: EXAMPLES })
  @ApiOkResponse({ description: 'Everything is decided', type: OperationDto })
  @ApiProblem('role_required', 'not_found', 'quota_exceeded')
  async deploy(
    @Body() body: BulkDeployRequestDto,
    @Context() context: RequestContext,
  ): Promise<OperationReport | { preview: BulkDeployPreviewDto }> {
    const request = requestOf(body);
    if (body.dry_run) return { preview: await this.deploys.preview(request, context.actor) };
    return this.deploys.deploy(request, context);
  }

  @Post('preview')
  @HttpCode(200)
  @RefuseExtras('query')
  @FailureWords('Failed to preview the bulk deploy', TAKES_LARGE_BODY)
  @ApiOperation({ summary: 'See what a bulk deploy would do with each deployment, and where it would go' })
  @ApiBody({ type: BulkDeployRequestDto, examples: EXAMPLES })
  @ApiOkResponse({ type: BulkDeployPreviewDto })
  @ApiProblem('role_required', 'not_found')
  previewDeploy(@Body() body: BulkDeployRequestDto, @CurrentActor() actor: Actor): Promise<BulkDeployPreviewDto> {
    return this.deploys.preview(requestOf(body), actor);
  }
}

const requestOf = ({ deployments, all_or_nothing: allOrNothing, project }: BulkDeployRequestDto): BulkDeployRequest => ({
  deployments,
  allOrNothing,
  project: project ?? null,
});
