import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { TAKES_MERGE_PATCH } from '../common/validation/json-body';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';
import { requireDeploymentId } from '../deployments/refusals';
import { previewBody } from './change-answers';
import { ChangeService } from './change.service';
import { CHANGE_EXAMPLE, ChangePreviewDto, DeploymentChangeDto } from './dto/change.dto';
import { requirePatch } from './wanted';

/** What a change would do; writes nothing. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class ChangePreviewsController {
  constructor(private readonly changes: ChangeService) {}

  @Post(':deployment_id/preview')
  @HttpCode(200)
  @RefuseExtras('query')
  @FailureWords('Failed to preview the change', TAKES_MERGE_PATCH)
  @ApiOperation({
    summary: 'See what a change would do',
    description: 'What would differ, whether that makes a new revision, and where the next replicas would go or why nowhere.',
  })
  @ApiDeploymentId()
  @ApiBody({ type: DeploymentChangeDto, examples: { image: { summary: 'Another image, and one variable', value: CHANGE_EXAMPLE } } })
  @ApiOkResponse({ type: ChangePreviewDto })
  @ApiProblem('not_found')
  async previewChange(
    @Param('deployment_id') id: string,
    @Body() body: unknown,
    @Context() context: RequestContext,
  ): Promise<ChangePreviewDto> {
    return previewBody(await this.changes.preview(requireDeploymentId(id), requirePatch(body), context));
  }
}
