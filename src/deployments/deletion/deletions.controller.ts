import { Body, Controller, Get, HttpCode, HttpStatus, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../../auth/admin-only.decorator';
import { Context } from '../../common/http/context.decorator';
import { CurrentActor } from '../../common/http/current-actor.decorator';
import { FailureWords } from '../../common/http/failure-words.decorator';
import { ApiProblem } from '../../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../../common/request-context';
import { Idempotent } from '../../idempotency/idempotent.decorator';
import { DeletionLedgerService } from './deletion-ledger.service';
import { DeletionLedgerDto, DeletionLedgerQueryDto } from '../dto/deletion-ledger.dto';
import { ForceReleaseDto, ForceReleaseRequestDto } from '../dto/protection.dto';
import { ForceReleaseService } from './force-release.service';
import { RefuseExtras } from '../../common/http/refuse-extras.decorator';
import { requireDeploymentId } from '../refusals';

const ApiId = (): MethodDecorator => ApiParam({ name: 'deployment_id', format: 'uuid', description: 'From the answer to POST /deploy' });

/** What comes after a deletion was decided: following it, and getting it over with. */
@ApiTags('deployments')
@ApiBearerAuth()
@ApiProblem('unauthenticated', 'inactive_user', 'rate_limited', 'internal', 'not_found', 'invalid_request', 'try_again')
@Controller('deployment')
export class DeletionsController {
  constructor(
    private readonly ledgers: DeletionLedgerService,
    private readonly releases: ForceReleaseService,
  ) {}

  @Get(':deployment_id/deletion')
  @FailureWords('Failed to retrieve the deletion')
  @ApiOperation({
    summary: 'Follow a deletion step by step',
    description: 'One line per step with its state, attempts, last error and next retry. Also for restored deployments.',
  })
  @ApiId()
  @ApiOkResponse({ type: DeletionLedgerDto })
  ledger(
    @Param('deployment_id') id: string,
    @Query() query: DeletionLedgerQueryDto,
    @CurrentActor() actor: Actor,
  ): Promise<DeletionLedgerDto> {
    return this.ledgers.ledger(requireDeploymentId(id), actor, query.generation ?? null);
  }

  @Post(':deployment_id/force-release')
  @HttpCode(HttpStatus.OK)
  @AdminOnly()
  @RefuseExtras('query')
  @FailureWords('Force release failed')
  @ApiOperation({
    summary: 'Give up what nodes that do not answer hold',
    description:
      'For administrators. Replicas that such a node should stop or remove become `failed`, and what they reserve is free at once. ' +
      'Should the node return, their containers are removed. Audited.',
  })
  @ApiId()
  @Idempotent()
  @ApiOkResponse({ type: ForceReleaseDto })
  @ApiProblem('malformed_json', 'admin_required', 'read_only_token', 'conflict', 'idempotency_in_progress', 'payload_too_large')
  @ApiProblem('unsupported_media_type', 'validation_failed', 'idempotency_key_reused')
  forceRelease(
    @Param('deployment_id') id: string,
    @Body() body: ForceReleaseRequestDto,
    @Context() context: RequestContext,
  ): Promise<ForceReleaseDto> {
    return this.releases.release(requireDeploymentId(id), { reason: body.reason, nodeId: body.node_id?.toLowerCase() ?? null }, context);
  }
}
