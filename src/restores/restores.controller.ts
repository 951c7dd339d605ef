import { Body, Controller, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiBody, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { DryRunQueryDto } from '../common/validation/dry-run.query.dto';
import { ObeysIfMatch } from '../common/http/precondition';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { requireDeploymentId } from '../deployments/refusals';
import { RestoredDto, RestoreRequestDto } from './dto/restore.dto';
import { restoreAnswer } from './restore-answers';
import { RestorePreviewService, type RestorePreview } from './restore-preview.service';
import { RestoreService, type Restored } from './restore.service';

/** The route that brings a deleted deployment back. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class RestoresController {
  constructor(
    private readonly restores: RestoreService,
    private readonly previews: RestorePreviewService,
  ) {}

  @Post(':deployment_id/restore')
  @FailureWords('Restore failed')
  @ApiOperation({
    summary: 'Bring a deleted deployment back',
    description:
      'With its whole spec, as a new generation; its places are taken before this answers. Within the time of `keep_warm` its ' +
      'kept containers go on. A body is not needed.',
  })
  @ApiParam({ name: 'deployment_id', format: 'uuid' })
  @Command(restoreAnswer)
  @ObeysIfMatch()
  @ApiBody({ type: RestoreRequestDto, required: false, examples: { same: { summary: 'Under its own name', value: {} } } })
  @ApiAcceptedResponse({ type: RestoredDto })
  @ApiProblem('not_found', 'not_deleted', 'name_taken', 'image_unavailable', 'quota_exceeded', 'insufficient_capacity')
  async restore(
    @Param('deployment_id') deploymentId: string,
    @Body() body: RestoreRequestDto,
    @Query() query: DryRunQueryDto,
    @Context() context: RequestContext,
  ): Promise<Restored | { preview: RestorePreview }> {
    const order = { id: requireDeploymentId(deploymentId), name: body.name ?? null };
    if (query.dry_run) return { preview: await this.previews.preview(order, context) };
    return this.restores.restore(order, context);
  }
}
