import { Body, Controller, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ObeysIfMatch } from '../common/http/precondition';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { DryRunQueryDto } from '../common/validation/dry-run.query.dto';
import { TAKES_MERGE_PATCH } from '../common/validation/json-body';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';
import { requireDeploymentId } from '../deployments/refusals';
import { AgainService } from './again.service';
import { changeAnswer } from './change-answers';
import type { ChangePreview } from './change-previews';
import { ChangeService } from './change.service';
import type { Changed } from './change.types';
import { CHANGE_EXAMPLE, DeploymentChangeDto, DeploymentChangedDto, RollbackRequestDto } from './dto/change.dto';
import { requirePatch } from './wanted';

/** The routes that change what a deployment runs. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class ChangesController {
  constructor(
    private readonly changes: ChangeService,
    private readonly again: AgainService,
  ) {}

  @Patch(':deployment_id')
  @FailureWords('The change failed', TAKES_MERGE_PATCH)
  @ApiOperation({
    summary: 'Change a deployment',
    description:
      'A merge patch (RFC 7396) of the deploy body, also as `application/merge-patch+json`: what is named changes, `null` takes back a ' +
      'default or empties an entry. New content is a new revision, which is rolled out step by step; the number of replicas scales.',
  })
  @ApiDeploymentId()
  @Command(changeAnswer)
  @ObeysIfMatch()
  @ApiBody({ type: DeploymentChangeDto, examples: { image: { summary: 'Another image, and one variable', value: CHANGE_EXAMPLE } } })
  @ApiOkResponse({ type: DeploymentChangedDto, description: 'Nothing new to run' })
  @ApiAcceptedResponse({ type: DeploymentChangedDto, description: 'A new revision rolls out' })
  @ApiProblem('not_found', 'invalid_state', 'quota_exceeded', 'insufficient_nodes')
  async change(
    @Param('deployment_id') deploymentId: string,
    @Body() body: unknown,
    @Query() query: DryRunQueryDto,
    @Context() context: RequestContext,
  ): Promise<Changed | { preview: ChangePreview }> {
    const [id, patch] = [requireDeploymentId(deploymentId), requirePatch(body)];
    if (query.dry_run) return { preview: await this.changes.preview(id, patch, context) };
    return this.changes.change(id, patch, context);
  }

  @Post(':deployment_id/restart')
  @RefuseExtras('body', 'query')
  @FailureWords('Restart failed')
  @ApiOperation({ summary: 'Replace all replicas by new ones', description: 'A rollout of the same revision, as its policy says.' })
  @ApiDeploymentId()
  @Command(changeAnswer)
  @ObeysIfMatch()
  @ApiAcceptedResponse({ type: DeploymentChangedDto })
  @ApiProblem('not_found', 'conflict')
  restart(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<Changed> {
    return this.again.restart(requireDeploymentId(id), context);
  }

  @Post(':deployment_id/rollback')
  @RefuseExtras('query')
  @FailureWords('Rollback failed')
  @ApiOperation({ summary: 'Go back to an older revision', description: 'A new revision with the old content. A body is not needed.' })
  @ApiDeploymentId()
  @Command(changeAnswer)
  @ObeysIfMatch()
  @ApiBody({
    type: RollbackRequestDto,
    required: false,
    examples: { newest: { summary: 'The newest that was current before', value: {} } },
  })
  @ApiAcceptedResponse({ type: DeploymentChangedDto })
  @ApiProblem('not_found', 'conflict', 'quota_exceeded')
  rollback(
    @Param('deployment_id') id: string,
    @Body() { revision }: RollbackRequestDto,
    @Context() context: RequestContext,
  ): Promise<Changed> {
    return this.again.rollback(requireDeploymentId(id), revision ?? null, context);
  }
}
