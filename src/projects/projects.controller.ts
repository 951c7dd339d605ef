import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { offsetNeighbours, pageHeaders, pageHeadersOf } from '../common/http/page-headers';
import { ObeysIfMatch } from '../common/http/precondition';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { ETAG_HEADER, etagOf } from '../deployments/etag';
import { requireProjectId } from '../rights/project-refusals';
import { ChangeProjectDto, CreateProjectDto, DeletedProjectDto, PROJECT_EXAMPLE, ProjectDto, ProjectsQueryDto } from './dto/project.dto';
import { ProjectDeletionPreviewDto } from './dto/preview.dto';
import { ProjectPreviewsService } from './project-previews.service';
import { changedProjectAnswer, deletedProjectAnswer, madeProjectAnswer } from './project-answers';
import type { Project } from './project.types';
import { ProjectsService, type DeletedProject } from './projects.service';

const ProjectId = (): MethodDecorator => ApiParam({ name: 'id', format: 'uuid' });
const EXAMPLES = { team: { summary: 'A project for a team', value: PROJECT_EXAMPLE } };

/** Projects: of their members, and of all for administrators. */
@ApiTags('projects')
@ApiBearerAuth()
@Controller('projects')
export class ProjectsController {
  constructor(
    private readonly projects: ProjectsService,
    private readonly previews: ProjectPreviewsService,
  ) {}

  @Get()
  @FailureWords('Failed to list projects')
  @ApiOperation({ summary: 'List the projects that you are in, with what they hold; your personal one first' })
  @ApiOkResponse({ type: [ProjectDto], headers: pageHeadersOf('Projects') })
  @ApiProblem('admin_required')
  async list(
    @Query() query: ProjectsQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProjectDto[]> {
    const { rows, total } = await this.projects.page({ ...query, all: query.all_users }, actor);
    void reply.headers(pageHeaders(request.url, total, offsetNeighbours(query, total)));
    return rows.map((row) => ProjectDto.of(row));
  }

  @Post()
  @RefuseExtras('query')
  @FailureWords('The project was not made')
  @ApiOperation({ summary: 'Make a project; you are its first maintainer' })
  @Command(madeProjectAnswer)
  @ApiBody({ type: CreateProjectDto, examples: EXAMPLES })
  @ApiCreatedResponse({
    type: ProjectDto,
    headers: { ...ETAG_HEADER, Location: { description: 'The project.', schema: { type: 'string' } } },
  })
  @ApiProblem('already_exists', 'conflict')
  create(@Body() body: CreateProjectDto, @Context() context: RequestContext): Promise<Project> {
    return this.projects.create(body.toWords(), context);
  }

  @Get(':id')
  @RefuseExtras('query')
  @FailureWords('Failed to retrieve the project')
  @ProjectId()
  @ApiOperation({ summary: 'See a project and what it holds' })
  @ApiOkResponse({ type: ProjectDto, headers: ETAG_HEADER })
  @ApiProblem('not_found')
  async get(@Param('id') id: string, @CurrentActor() actor: Actor, @Res({ passthrough: true }) reply: FastifyReply): Promise<ProjectDto> {
    const project = await this.projects.get(requireProjectId(id), actor);
    void reply.header('ETag', etagOf(project.version));
    return ProjectDto.of(project);
  }

  @Patch(':id')
  @RefuseExtras('query')
  @FailureWords('The project was not changed')
  @ProjectId()
  @ApiOperation({ summary: 'Rename or describe a project', description: 'Hosts that routes have already stay as they are.' })
  @Command(changedProjectAnswer)
  @ObeysIfMatch()
  @ApiBody({ type: ChangeProjectDto, examples: { words: { summary: 'Another description', value: { description: 'The shop' } } } })
  @ApiOkResponse({ type: ProjectDto, headers: ETAG_HEADER })
  @ApiProblem('role_required', 'not_found', 'already_exists', 'conflict')
  change(@Param('id') id: string, @Body() body: ChangeProjectDto, @Context() context: RequestContext): Promise<Project> {
    return this.projects.change(requireProjectId(id), body.toChange(), context);
  }

  @Get(':id/deletion-preview')
  @RefuseExtras('query')
  @FailureWords('Failed to preview the deletion')
  @ProjectId()
  @ApiOperation({ summary: 'See what the deletion of a project would do' })
  @ApiOkResponse({ type: ProjectDeletionPreviewDto })
  @ApiProblem('role_required', 'not_found')
  previewDeletion(@Param('id') id: string, @CurrentActor() actor: Actor): Promise<ProjectDeletionPreviewDto> {
    return this.previews.deletion(requireProjectId(id), actor);
  }

  @Delete(':id')
  @RefuseExtras('body', 'query')
  @FailureWords('The project was not deleted')
  @ProjectId()
  @ApiOperation({
    summary: 'Delete a project without live deployments',
    description: 'What is deleted in it and still kept stays until its purge, and can no longer be restored.',
  })
  @Command(deletedProjectAnswer)
  @ObeysIfMatch()
  @ApiOkResponse({ type: DeletedProjectDto })
  @ApiProblem('role_required', 'not_found', 'project_in_use', 'conflict')
  remove(@Param('id') id: string, @Context() context: RequestContext): Promise<DeletedProject> {
    return this.projects.remove(requireProjectId(id), context);
  }
}
