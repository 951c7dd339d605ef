import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';
import { requireDeploymentId } from '../deployments/refusals';
import { RestorePreviewDto, RestoreRequestDto } from './dto/restore.dto';
import { restorePreviewBody } from './restore-answers';
import { RestorePreviewService } from './restore-preview.service';

/** What a restore would do; writes nothing. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class RestorePreviewController {
  constructor(private readonly previews: RestorePreviewService) {}

  @Post(':deployment_id/restore/preview')
  @HttpCode(200)
  @RefuseExtras('query')
  @FailureWords('Failed to preview the restore')
  @ApiOperation({ summary: 'See what a restore would do, or everything that stands in its way', description: 'A body is not needed.' })
  @ApiDeploymentId()
  @ApiBody({ type: RestoreRequestDto, required: false, examples: { same: { summary: 'Under its own name', value: {} } } })
  @ApiOkResponse({ type: RestorePreviewDto })
  @ApiProblem('not_found')
  async previewRestore(
    @Param('deployment_id') id: string,
    @Body() body: RestoreRequestDto,
    @Context() context: RequestContext,
  ): Promise<RestorePreviewDto> {
    return restorePreviewBody(await this.previews.preview({ id: requireDeploymentId(id), name: body.name ?? null }, context));
  }
}
