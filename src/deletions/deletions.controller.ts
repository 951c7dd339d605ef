import { Body, Controller, Delete, Get, Headers, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { IncomingHttpHeaders } from 'node:http';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ObeysIfMatch } from '../common/http/precondition';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { requireDeploymentId } from '../deployments/refusals';
import { DeleteService, type Deleted } from './delete.service';
import { deleteAnswer, forceReleaseAnswer } from './deletion-answers';
import { DeletionLedgerService } from './deletion-ledger.service';
import { DeletionPreviewService } from './deletion-preview.service';
import { readDeletionQuery } from './deletion-query';
import { DeleteQueryDto } from './dto/delete-query.dto';
import { DeletionAnswerDto } from './dto/deletion-answer.dto';
import { DeletionLedgerDto, DeletionLedgerQueryDto } from './dto/deletion-ledger.dto';
import type { DeletionPreviewDto } from './dto/deletion-preview.dto';
import { ForceReleaseDto, ForceReleaseRequestDto } from './dto/protection.dto';
import { ForceReleaseService, type ForceReleased } from './force-release.service';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';

/** The routes to delete a deployment, to follow the deletion, and to force-release what it waits for. */
@ApiTags('deployments')
@ApiBearerAuth()
@ApiProblem('not_found')
@Controller('deployment')
export class DeletionsController {
  constructor(
    private readonly config: AppConfig,
    private readonly deletes: DeleteService,
    private readonly previews: DeletionPreviewService,
    private readonly ledgers: DeletionLedgerService,
    private readonly releases: ForceReleaseService,
  ) {}

  @Delete(':deployment_id')
  @RefuseExtras('body')
  @FailureWords('Deletion failed')
  @ApiOperation({
    summary: 'Delete a deployment',
    description:
      'One transaction decides it. The answer waits for the teardown; 202 when that takes longer than `wait`, and at once with ' +
      '`Prefer: respond-async`.',
  })
  @ApiDeploymentId()
  @ApiHeader({ name: 'Prefer', required: false, description: '`respond-async` (RFC 7240): answer at once' })
  @Command(deleteAnswer)
  @ObeysIfMatch()
  @ApiOkResponse({
    description: 'Deleted; all replicas are confirmed stopped',
    type: DeletionAnswerDto,
  })
  @ApiAcceptedResponse({
    description: 'Deleted; some replicas are still stopping. `Location` is the ledger',
    type: DeletionAnswerDto,
  })
  @ApiProblem('invalid_deployment_id', 'already_deleted', 'deployment_protected', 'legal_hold')
  async delete(
    @Param('deployment_id') id: string,
    @Query() query: DeleteQueryDto,
    @Headers() headers: IncomingHttpHeaders,
    @Context() context: RequestContext,
  ): Promise<(Deleted & { isAsync: boolean }) | { preview: DeletionPreviewDto }> {
    const deploymentId = requireDeploymentId(id, 'invalid_deployment_id');
    const { options, dryRun, waitSeconds, isAsync } = readDeletionQuery(query, headers, { graceSeconds: this.config.STOP_GRACE_SECONDS });
    if (dryRun) return { preview: await this.previews.preview(deploymentId, options, context.actor) };
    return { ...(await this.deletes.delete(deploymentId, options, waitSeconds, context)), isAsync };
  }

  @Get(':deployment_id/deletion')
  @FailureWords('Failed to retrieve the deletion')
  @ApiOperation({
    summary: 'Follow a deletion step by step',
    description: 'One line per step with its state, attempts, last error and next retry. Also for restored deployments.',
  })
  @ApiDeploymentId()
  @ApiOkResponse({ type: DeletionLedgerDto })
  deletion(
    @Param('deployment_id') id: string,
    @Query() query: DeletionLedgerQueryDto,
    @CurrentActor() actor: Actor,
  ): Promise<DeletionLedgerDto> {
    return this.ledgers.ledger(requireDeploymentId(id), actor, query.generation ?? null);
  }

  @Post(':deployment_id/force-release')
  @AdminOnly()
  @RefuseExtras('query')
  @FailureWords('Force release failed')
  @ApiOperation({
    summary: 'Give up what nodes that do not answer hold',
    description:
      'For administrators. Replicas that such a node should stop or remove become `failed`, and what they reserve is free at once. ' +
      'Should the node return, their containers are removed. Audited.',
  })
  @ApiDeploymentId()
  @Command(forceReleaseAnswer)
  @ObeysIfMatch()
  @ApiOkResponse({ type: ForceReleaseDto })
  @ApiProblem('conflict')
  forceRelease(
    @Param('deployment_id') id: string,
    @Body() body: ForceReleaseRequestDto,
    @Context() context: RequestContext,
  ): Promise<ForceReleased> {
    return this.releases.release(requireDeploymentId(id), { reason: body.reason, nodeId: body.node_id?.toLowerCase() ?? null }, context);
  }
}
