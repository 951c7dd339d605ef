import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';
import { ETAG_HEADER } from '../deployments/etag';
import { requireDeploymentId } from '../deployments/refusals';
import { DeletionPreviewService } from './deletion-preview.service';
import { TeardownQueryDto } from './dto/delete-query.dto';
import { DeletionPreviewDto } from './dto/deletion-preview.dto';
import { readTeardownOptions } from './teardown-options';

/** What a delete would do; writes nothing. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class DeletionPreviewController {
  constructor(
    private readonly config: AppConfig,
    private readonly previews: DeletionPreviewService,
  ) {}

  @Get(':deployment_id/deletion-preview')
  @FailureWords('Failed to preview the deletion')
  @ApiOperation({ summary: 'See what a delete would do', description: 'Takes the options of the delete.' })
  @ApiDeploymentId()
  @ApiHeader({ name: 'If-Match', required: false, description: 'As for the delete: the `ETag` that was read' })
  @ApiOkResponse({ type: DeletionPreviewDto, headers: ETAG_HEADER })
  @ApiProblem('not_found', 'invalid_deployment_id', 'already_deleted', 'precondition_failed')
  async previewDeletion(
    @Param('deployment_id') givenId: string,
    @Query() query: TeardownQueryDto,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeletionPreviewDto> {
    const id = requireDeploymentId(givenId, 'invalid_deployment_id');
    const teardown = readTeardownOptions(query, 'query', { graceSeconds: this.config.STOP_GRACE_SECONDS });
    const preview = await this.previews.preview(id, { ...teardown, ifMatch: ifMatch ?? null, operationId: null }, actor);
    void reply.header('ETag', preview.etag);
    return preview;
  }
}
