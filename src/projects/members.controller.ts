import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Command } from '../commands/command.decorator';
import { noContent } from '../common/http/answer';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { offsetNeighbours, pageHeaders, pageHeadersOf } from '../common/http/page-headers';
import { ObeysIfMatch } from '../common/http/precondition';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { OffsetPageQueryDto } from '../common/validation/offset-page.query.dto';
import { ETAG_HEADER, etagOf } from '../deployments/etag';
import { requireProjectId } from '../rights/project-refusals';
import { MEMBER_EXAMPLE, MemberDto, PutMemberDto } from './dto/member.dto';
import { userRef } from './dto/project.dto';
import { MembersService } from './members.service';
import { memberAnswer } from './project-answers';
import type { Member } from './project.types';

const ProjectId = (): MethodDecorator => ApiParam({ name: 'id', format: 'uuid' });
const UserId = (): MethodDecorator => ApiParam({ name: 'user_id', description: 'The id or the name of a user' });

/** The members of a project. */
@ApiTags('projects')
@ApiBearerAuth()
@Controller('projects/:id/members')
export class MembersController {
  constructor(private readonly members: MembersService) {}

  @Get()
  @FailureWords('Failed to list the members')
  @ProjectId()
  @ApiOperation({ summary: 'List the members of a project, by user name' })
  @ApiOkResponse({ type: [MemberDto], headers: { ...ETAG_HEADER, ...pageHeadersOf('Members') } })
  @ApiProblem('not_found')
  async list(
    @Param('id') id: string,
    @Query() query: OffsetPageQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MemberDto[]> {
    const { rows, total, version } = await this.members.page(requireProjectId(id), query, actor);
    void reply.headers({ ...pageHeaders(request.url, total, offsetNeighbours(query, total)), ETag: etagOf(version) });
    return rows.map((row) => MemberDto.of(row));
  }

  @Put(':user_id')
  @RefuseExtras('query')
  @FailureWords('The member was not changed')
  @ProjectId()
  @UserId()
  @ApiOperation({ summary: 'Add a member, or change the role of one' })
  @Command(memberAnswer)
  @ObeysIfMatch()
  @ApiBody({ type: PutMemberDto, examples: { deployer: { summary: 'Somebody who deploys', value: MEMBER_EXAMPLE } } })
  @ApiOkResponse({ type: MemberDto })
  @ApiProblem('role_required', 'not_found', 'conflict')
  put(
    @Param('id') id: string,
    @Param('user_id') user: string,
    @Body() { role }: PutMemberDto,
    @Context() context: RequestContext,
  ): Promise<Member> {
    return this.members.put(requireProjectId(id), { user: userRef(user), role }, context);
  }

  @Delete(':user_id')
  @HttpCode(204)
  @RefuseExtras('body', 'query')
  @FailureWords('The member was not removed')
  @ProjectId()
  @UserId()
  @ApiOperation({ summary: 'Remove a member, or leave a project' })
  @Command(noContent)
  @ObeysIfMatch()
  @ApiNoContentResponse()
  @ApiProblem('role_required', 'not_found', 'conflict')
  remove(@Param('id') id: string, @Param('user_id') user: string, @Context() context: RequestContext): Promise<void> {
    return this.members.remove(requireProjectId(id), userRef(user), context);
  }
}
