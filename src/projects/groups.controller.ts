import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Command } from '../commands/command.decorator';
import { noContent } from '../common/http/answer';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ObeysIfMatch } from '../common/http/precondition';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { isCleanText } from '../common/validation/text';
import { requireProjectId } from '../rights/project-refusals';
import { ProjectGroupDto } from './dto/group.dto';
import { MEMBER_EXAMPLE, PutMemberDto } from './dto/member.dto';
import { GroupsService, type MappedGroup } from './groups.service';
import { groupAnswer } from './project-answers';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pageHeadersOf } from '../common/http/page-headers';
import { pageOfAll } from '../common/http/page-of-all';
import { ShortListQueryDto } from '../common/validation/short-list.query.dto';

const ProjectId = (): MethodDecorator => ApiParam({ name: 'id', format: 'uuid' });
const Group = (): MethodDecorator =>
  ApiParam({ name: 'group', description: 'As the identity provider names it', schema: { type: 'string', maxLength: 255 } });

/** Groups of the outside identity provider that have a role in a project. */
@ApiTags('projects')
@ApiBearerAuth()
@Controller('projects/:id/groups')
export class GroupsController {
  constructor(private readonly groups: GroupsService) {}

  @Get()
  @FailureWords('Failed to list the groups')
  @ProjectId()
  @ApiOperation({ summary: 'List the groups that have a role in a project, by name' })
  @ApiOkResponse({ type: [ProjectGroupDto], headers: pageHeadersOf('Groups') })
  @ApiProblem('not_found')
  async list(
    @Param('id') id: string,
    @Query() query: ShortListQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProjectGroupDto[]> {
    return pageOfAll(
      (await this.groups.list(requireProjectId(id), actor)).map((each) => ProjectGroupDto.of(each)),
      query,
      { request, reply },
    );
  }

  @Put(':group')
  @RefuseExtras('query')
  @FailureWords('The group was not changed')
  @ProjectId()
  @Group()
  @ApiOperation({
    summary: 'Give a group of your identity provider a role',
    description:
      'Its users are members as long as their tokens name it. With a role of their own the stronger one counts. Who is no administrator has to be in it.',
  })
  @Command(groupAnswer)
  @ObeysIfMatch()
  @ApiBody({ type: PutMemberDto, examples: { deployer: { summary: 'A group that deploys', value: MEMBER_EXAMPLE } } })
  @ApiOkResponse({ type: ProjectGroupDto })
  @ApiProblem('role_required', 'admin_required', 'not_found', 'conflict')
  put(
    @Param('id') id: string,
    @Param('group') group: string,
    @Body() { role }: PutMemberDto,
    @Context() context: RequestContext,
  ): Promise<MappedGroup> {
    return this.groups.put(requireProjectId(id), { group: requireGroup(group), role }, context);
  }

  @Delete(':group')
  @HttpCode(204)
  @RefuseExtras('body', 'query')
  @FailureWords('The group was not removed')
  @ProjectId()
  @Group()
  @ApiOperation({ summary: 'Take the role of a group away' })
  @Command(noContent)
  @ObeysIfMatch()
  @ApiNoContentResponse()
  @ApiProblem('role_required', 'not_found', 'conflict')
  remove(@Param('id') id: string, @Param('group') group: string, @Context() context: RequestContext): Promise<void> {
    return this.groups.remove(requireProjectId(id), requireGroup(group), context);
  }
}

/** Throws `not_found` for what no identity provider names a group. */
function requireGroup(group: string): string {
  if (group === '' || group.length > 255 || !isCleanText(group)) throw new DomainError('not_found', 'No group has such a name');
  return group;
}
