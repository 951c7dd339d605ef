import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { offsetNeighbours, pageHeaders, pageHeadersOf } from '../common/http/page-headers';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { OffsetPageQueryDto } from '../common/validation/offset-page.query.dto';
import { ChangeNodeDto } from './dto/change-node.dto';
import { JoinDto, RegisteredNodeDto } from './dto/join.dto';
import { NodeDto } from './dto/node.dto';
import { RegisterNodeDto } from './dto/register-node.dto';
import { RemovedNodeDto } from './dto/removed-node.dto';
import type { NodeRecord, OpenedJoin, RegisteredNode } from './node.types';
import { changedNodeAnswer, registeredNodeAnswer, rejoinAnswer, removedNodeAnswer } from './nodes-answers';
import { NodesService, type RemovedNode } from './nodes.service';

const NodeId = (): MethodDecorator => ApiParam({ name: 'id', format: 'uuid' });

@ApiTags('nodes')
@ApiBearerAuth()
@Controller('nodes')
export class NodesController {
  constructor(private readonly nodes: NodesService) {}

  @Get()
  @FailureWords('Failed to list nodes')
  @ApiOperation({ summary: 'List the nodes, by name' })
  @ApiOkResponse({
    type: [NodeDto],
    headers: pageHeadersOf('Nodes'),
  })
  async list(
    @Query() query: OffsetPageQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<NodeDto[]> {
    const { nodes, total } = await this.nodes.list(query);
    void reply.headers(pageHeaders(request.url, total, offsetNeighbours(query, total)));
    return nodes.map((node) => NodeDto.of(node, actor));
  }

  @Get(':id')
  @FailureWords('Failed to retrieve the node')
  @NodeId()
  @ApiOperation({ summary: 'Show a node' })
  @ApiOkResponse({ type: NodeDto })
  @ApiProblem('not_found')
  async get(@Param('id') id: string, @CurrentActor() actor: Actor): Promise<NodeDto> {
    return NodeDto.of(await this.nodes.get(id), actor);
  }

  @Post()
  @RefuseExtras('query')
  @Command(registeredNodeAnswer)
  @AdminOnly()
  @FailureWords('Registration of the node failed')
  @ApiOperation({
    summary: 'Register a node; it is offline until its engine has answered',
    description:
      'For `agent`, a machine that only dials out, the answer has what to run there, once: `join`. Its token is good for one machine and 24 hours.',
  })
  @ApiCreatedResponse({ type: RegisteredNodeDto, headers: { Location: { description: 'The node.', schema: { type: 'string' } } } })
  @ApiProblem('already_exists')
  register(@Body() body: RegisterNodeDto, @Context() context: RequestContext): Promise<RegisteredNode> {
    return this.nodes.register(body.toNode(), context);
  }

  @Patch(':id')
  @RefuseExtras('query')
  @Command(changedNodeAnswer)
  @AdminOnly()
  @FailureWords('Change of the node failed')
  @NodeId()
  @ApiOperation({ summary: 'Cordon, drain, label or resize a node' })
  @ApiOkResponse({ type: NodeDto })
  @ApiProblem('not_found', 'capacity_in_use')
  change(@Param('id') id: string, @Body() body: ChangeNodeDto, @Context() context: RequestContext): Promise<NodeRecord> {
    return this.nodes.change(id, body.toChange(), context);
  }

  @Post(':id/join-token')
  @RefuseExtras('body', 'query')
  @Command(rejoinAnswer)
  @AdminOnly()
  @FailureWords('The join token could not be made')
  @NodeId()
  @ApiOperation({
    summary: 'Let a machine join an agent node anew',
    description:
      'For a token that has expired, and for a machine that was rebuilt. The machine of before is shut out at once; what runs on it goes on until somebody ends it there, so use it when that machine is gone or yours.',
  })
  @ApiCreatedResponse({ type: JoinDto })
  @ApiProblem('not_found', 'conflict')
  rejoin(@Param('id') id: string, @Context() context: RequestContext): Promise<OpenedJoin> {
    return this.nodes.rejoin(id, context);
  }

  @Delete(':id')
  @RefuseExtras('body', 'query')
  @Command(removedNodeAnswer)
  @AdminOnly()
  @FailureWords('Removal of the node failed')
  @NodeId()
  @ApiOperation({ summary: 'Remove a node that holds no reservation' })
  @ApiOkResponse({ type: RemovedNodeDto })
  @ApiProblem('not_found', 'node_in_use')
  remove(@Param('id') id: string, @Context() context: RequestContext): Promise<RemovedNode> {
    return this.nodes.remove(id, context);
  }
}
