import { Controller, Delete, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ObeysIfMatch } from '../common/http/precondition';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { requireDeploymentId } from '../deployments/refusals';
import { PurgeAnswerDto, PurgeQueryDto } from './dto/purge.dto';
import { PURGE_BLOCK_CODES } from './purge-block';
import { PurgeService } from './purge.service';
import { purgeAnswer, type PurgeOutcome } from './retention-answers';

@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@Controller('admin/deployment')
export class PurgeController {
  constructor(private readonly purges: PurgeService) {}

  @Delete(':id')
  @RefuseExtras('body')
  @Command(purgeAnswer)
  @ObeysIfMatch()
  @FailureWords('The deployment was not purged')
  @ApiParam({ name: 'id', format: 'uuid' })
  @ApiOperation({ summary: 'Remove a deleted deployment for good, after its retention or with a reason' })
  @ApiOkResponse({ type: PurgeAnswerDto })
  @ApiProblem('invalid_deployment_id', 'not_found', ...PURGE_BLOCK_CODES)
  async purge(@Param('id') givenId: string, @Query() query: PurgeQueryDto, @Context() context: RequestContext): Promise<PurgeOutcome> {
    const id = requireDeploymentId(givenId, 'invalid_deployment_id');
    const options = { overrideRetention: query.override_retention, reason: query.reason ?? null };
    if (query.dry_run) return { preview: await this.purges.preview(id, options, context) };
    if (options.overrideRetention && options.reason === null) {
      const detail = 'reason is required with override_retention';
      throw new DomainError('invalid_request', `${detail}.`, { errors: [{ pointer: 'reason', detail }] });
    }
    return this.purges.purge(id, options, context);
  }
}
