import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../auth/admin-only.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import { requireDeploymentId } from '../deployments/refusals';
import { PurgeAnswerDto, PurgePreviewQueryDto } from './dto/purge.dto';
import { PurgeService } from './purge.service';
import { purgeBody } from './retention-answers';

/** What a purge would remove; writes nothing. */
@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@Controller('admin/deployment')
export class PurgePreviewController {
  constructor(private readonly purges: PurgeService) {}

  @Get(':id/purge-preview')
  @FailureWords('Failed to preview the purge')
  @ApiParam({ name: 'id', format: 'uuid' })
  @ApiOperation({ summary: 'See what a purge would remove, and what stands in its way' })
  @ApiOkResponse({ type: PurgeAnswerDto })
  @ApiProblem('invalid_deployment_id', 'not_found')
  async previewPurge(@Param('id') id: string, @Query() query: PurgePreviewQueryDto): Promise<PurgeAnswerDto> {
    const options = { overrideRetention: query.override_retention, reason: null };
    return purgeBody({ preview: await this.purges.preview(requireDeploymentId(id, 'invalid_deployment_id'), options, { ifMatch: null }) });
  }
}
