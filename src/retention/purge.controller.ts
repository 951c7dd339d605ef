import { Controller, Delete, HttpCode, HttpStatus, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { requireDeploymentId } from '../deployments/refusals';
import { Idempotent } from '../idempotency/idempotent.decorator';
import { PURGE_BLOCK_CODES, type PurgeBlock } from './purge-block';
import type { PurgeCandidate } from './purge.repository';
import { PurgeService } from './purge.service';
import { PurgeAnswerDto, PurgeQueryDto } from './dto/purge.dto';

@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@Controller('admin/deployment')
export class PurgeController {
  constructor(private readonly purges: PurgeService) {}

  @Delete(':id')
  @RefuseExtras('body')
  @Idempotent()
  @HttpCode(HttpStatus.OK)
  @FailureWords('The deployment was not purged')
  @ApiParam({ name: 'id', format: 'uuid' })
  @ApiOperation({ summary: 'Remove a deleted deployment for good, after its retention or with a reason; with a preview' })
  @ApiOkResponse({ type: PurgeAnswerDto })
  @ApiProblem('invalid_deployment_id', 'invalid_request')
  @ApiProblem('admin_required', 'read_only_token')
  @ApiProblem('not_found')
  @ApiProblem('validation_failed', 'idempotency_key_reused')
  @ApiProblem(...PURGE_BLOCK_CODES, 'idempotency_in_progress')
  async purge(@Param('id') givenId: string, @Query() query: PurgeQueryDto, @Context() context: RequestContext): Promise<PurgeAnswerDto> {
    const id = requireDeploymentId(givenId, 'invalid_deployment_id');
    const options = { overrideRetention: query.override_retention, reason: query.reason ?? null };
    if (query.dry_run) {
      const { candidate, blocks } = await this.purges.preview(id, options);
      return answer(candidate, { purged: false, blocks });
    }
    if (options.overrideRetention && options.reason === null) {
      const detail = 'reason is required with override_retention';
      throw new DomainError('invalid_request', `${detail}.`, { errors: [{ pointer: 'reason', detail }] });
    }
    return this.purges.purge(id, options, context, (candidate) => answer(candidate, { purged: true, blocks: [] }));
  }
}

function answer(candidate: PurgeCandidate, { purged, blocks }: { purged: boolean; blocks: readonly PurgeBlock[] }): PurgeAnswerDto {
  const { id, name, deletedAt, purgeAt, retentionPolicy, rows } = candidate;
  return {
    deployment_id: id,
    name,
    dry_run: !purged,
    purged,
    blocked_by: blocks.map(({ code, detail }) => ({ code, detail })),
    deleted_at: deletedAt?.toISOString() ?? null,
    purge_at: purgeAt?.toISOString() ?? null,
    retention_policy: retentionPolicy,
    rows: { ...rows },
    containers: 0,
    message: purged
      ? `Deployment ${name} purged`
      : blocks.length === 0
        ? `Deployment ${name} can be purged`
        : `Deployment ${name} cannot be purged`,
  };
}
