import { Body, Controller, Param, Put } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ObeysIfMatch } from '../common/http/precondition';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { ETAG_HEADER } from '../deployments/etag';
import { OwnQuotaDto, ownQuotaOf, QUOTA_EXAMPLE } from '../quotas/dto/own-quota.dto';
import { requireProjectId } from '../rights/project-refusals';
import { ProjectDto } from './dto/project.dto';
import { changedProjectAnswer } from './project-answers';
import type { Project } from './project.types';
import { ProjectQuotasService } from './project-quotas.service';

/** How much projects may hold. */
@ApiTags('projects')
@ApiBearerAuth()
@AdminOnly()
@Controller('projects/:id/quota')
export class ProjectQuotasController {
  constructor(private readonly quotas: ProjectQuotasService) {}

  @Put()
  @RefuseExtras('query')
  @FailureWords('The quota was not set')
  @ApiParam({ name: 'id', format: 'uuid' })
  @ApiOperation({
    summary: 'Set how much a project may hold',
    description: 'Replaces all of its own limits; of a personal project, those of its user. A limit below what is held only stops growth.',
  })
  @Command(changedProjectAnswer)
  @ObeysIfMatch()
  @ApiBody({ type: OwnQuotaDto, examples: { team: { summary: 'A small team', value: QUOTA_EXAMPLE } } })
  @ApiOkResponse({ type: ProjectDto, headers: ETAG_HEADER })
  @ApiProblem('not_found')
  set(@Param('id') id: string, @Body() body: OwnQuotaDto, @Context() context: RequestContext): Promise<Project> {
    return this.quotas.set(requireProjectId(id), ownQuotaOf(body), context);
  }
}
