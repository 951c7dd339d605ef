import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ObeysIfMatch } from '../common/http/precondition';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';
import { requireDeploymentId } from '../deployments/refusals';
import { MovedDto, MoveRequestDto } from './dto/move.dto';
import { MovePreviewDto } from './dto/preview.dto';
import { MoveService, type Moved } from './move.service';
import { movedAnswer } from './project-answers';
import { ProjectPreviewsService } from './project-previews.service';

/** The way of a deployment to another project. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class MoveController {
  constructor(
    private readonly moves: MoveService,
    private readonly previews: ProjectPreviewsService,
  ) {}

  @Post(':deployment_id/move/preview')
  @HttpCode(200)
  @RefuseExtras('query')
  @FailureWords('Failed to preview the move')
  @ApiOperation({ summary: 'See whether a deployment can be moved', description: 'All reasons at once that prevent it.' })
  @ApiDeploymentId()
  @ApiOkResponse({ type: MovePreviewDto })
  @ApiProblem('role_required', 'not_found')
  previewMove(
    @Param('deployment_id') id: string,
    @Body() { project }: MoveRequestDto,
    @CurrentActor() actor: Actor,
  ): Promise<MovePreviewDto> {
    return this.previews.move(requireDeploymentId(id), project, actor);
  }

  @Post(':deployment_id/move')
  @HttpCode(200)
  @RefuseExtras('query')
  @FailureWords('Move failed')
  @ApiOperation({
    summary: 'Move a deployment to another project',
    description: 'For maintainers of both projects. What runs goes on running; routes must be taken away first.',
  })
  @ApiDeploymentId()
  @Command(movedAnswer)
  @ObeysIfMatch()
  @ApiOkResponse({ type: MovedDto })
  @ApiProblem('role_required', 'not_found', 'already_exists', 'quota_exceeded', 'conflict')
  move(@Param('deployment_id') id: string, @Body() { project }: MoveRequestDto, @Context() context: RequestContext): Promise<Moved> {
    return this.moves.move(requireDeploymentId(id), project, context);
  }
}
