import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { BulkPreviewService } from './bulk-preview.service';
import { readBulkDelete } from './bulk-request';
import { BULK_DELETE_EXAMPLE, BulkDeleteRequestDto } from './dto/bulk-delete-request.dto';
import { BulkPreviewDto } from './dto/bulk-preview.dto';

/** What a bulk deletion would do; writes nothing. */
@ApiTags('operations')
@ApiBearerAuth()
@Controller('deployment/bulk-delete')
export class BulkPreviewController {
  constructor(
    private readonly config: AppConfig,
    private readonly previews: BulkPreviewService,
  ) {}

  @Post('preview')
  @HttpCode(200)
  @RefuseExtras('query')
  @FailureWords('Failed to preview the bulk deletion')
  @ApiOperation({ summary: 'See what a bulk deletion would do with each deployment' })
  @ApiBody({ type: BulkDeleteRequestDto, examples: { filter: { summary: 'What a filter finds', value: BULK_DELETE_EXAMPLE } } })
  @ApiOkResponse({ type: BulkPreviewDto })
  @ApiProblem('admin_required')
  async previewDelete(@Body() body: BulkDeleteRequestDto, @CurrentActor() actor: Actor): Promise<BulkPreviewDto> {
    const request = readBulkDelete(body, actor, { graceSeconds: this.config.STOP_GRACE_SECONDS });
    return BulkPreviewDto.of(await this.previews.preview(request, actor));
  }
}
