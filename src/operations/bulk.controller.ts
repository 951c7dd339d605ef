import { Body, Controller, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { AppConfig } from '../config/app-config';
import { BulkDeleteService } from './bulk-delete.service';
import { BulkPreviewService, type BulkPreview } from './bulk-preview.service';
import { readBulkDelete, readBulkRestore } from './bulk-request';
import { BulkRestoreService } from './bulk-restore.service';
import { BULK_DELETE_EXAMPLE, BulkDeleteRequestDto } from './dto/bulk-delete-request.dto';
import { BulkRestoreRequestDto } from './dto/bulk-restore-request.dto';
import { OperationDto } from './dto/operation.dto';
import { bulkDeleteAnswer, bulkRestoreAnswer } from './operation-answers';
import type { OperationReport } from './operation.types';

/** The example of Swagger UI; sent unchanged it finds nothing to restore. */
const RESTORE_EXAMPLE = { ids: ['00000000-0000-4000-8000-000000000000'] };

/** Bulk deletion and bulk restore. */
@ApiTags('operations')
@ApiBearerAuth()
@Controller('deployment')
export class BulkController {
  constructor(
    private readonly config: AppConfig,
    private readonly deletes: BulkDeleteService,
    private readonly previews: BulkPreviewService,
    private readonly restores: BulkRestoreService,
  ) {}

  @Post('bulk-delete')
  @RefuseExtras('query')
  @FailureWords('Bulk deletion failed')
  @ApiOperation({
    summary: 'Delete up to 1,000 deployments',
    description:
      'Each is decided like a single delete and has its own result. Beyond a share of the live deployments of their owner the operation waits ' +
      'until an administrator confirms it. 202 when the decisions take longer than `wait`, or wait for a confirmation.',
  })
  @Command(bulkDeleteAnswer)
  @ApiBody({ type: BulkDeleteRequestDto, examples: { filter: { summary: 'What a filter finds', value: BULK_DELETE_EXAMPLE } } })
  @ApiOkResponse({ description: 'Everything is decided', type: OperationDto })
  @ApiAcceptedResponse({
    description: 'The operation goes on, or waits for a confirmation; follow it at `Location`',
    type: OperationDto,
  })
  @ApiProblem('admin_required', 'quota_exceeded')
  async delete(
    @Body() body: BulkDeleteRequestDto,
    @Context() context: RequestContext,
  ): Promise<OperationReport | { preview: BulkPreview }> {
    const request = readBulkDelete(body, context.actor, { graceSeconds: this.config.STOP_GRACE_SECONDS });
    if (body.dry_run) return { preview: await this.previews.preview(request, context.actor) };
    return this.deletes.delete(request, context);
  }

  @Post('bulk-restore')
  @RefuseExtras('query')
  @FailureWords('Bulk restore failed')
  @ApiOperation({
    summary: 'Restore up to 1,000 deleted deployments, or undo a bulk deletion',
    description: 'Each is restored like a single one, or refused with its reason. 202 when that takes longer than `wait`.',
  })
  @Command(bulkRestoreAnswer)
  @ApiBody({ type: BulkRestoreRequestDto, examples: { named: { summary: 'Named deployments', value: RESTORE_EXAMPLE } } })
  @ApiOkResponse({ description: 'Everything is decided', type: OperationDto })
  @ApiAcceptedResponse({ description: 'The operation goes on; follow it at `Location`', type: OperationDto })
  @ApiProblem('not_found', 'quota_exceeded')
  restore(@Body() body: BulkRestoreRequestDto, @Context() context: RequestContext): Promise<OperationReport> {
    return this.restores.restore(readBulkRestore(body), context);
  }
}
