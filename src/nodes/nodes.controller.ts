import { Body, Controller, Delete, Get, HttpCode, HttpStatus, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { offsetNeighbours, pageHeaders } from '../common/http/page-headers';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { Idempotent } from '../idempotency/idempotent.decorator';
import { ChangeNodeDto } from './dto/change-node.dto';
import { ListNodesQuery } from './dto/list-nodes.query';
import { NodeDto } from './dto/node.dto';
import { RegisterNodeDto } from './dto/register-node.dto';
import { RemovedNodeDto } from './dto/removed-node.dto';
import { NodesService } from './nodes.service';

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
    headers: {
      'X-Total-Count': { description: 'Nodes in all.', schema: { type: 'integer' } },
      Link: { description: '`next` and `prev` page, where there is one.', schema: { type: 'string' } },
    },
  })
  @ApiProblem('invalid_request', 'unauthenticated')
  async list(
    @Query() query: ListNodesQuery,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<NodeDto[]> {
    const { nodes, total } = await this.nodes.list(query, actor);
    void reply.headers(pageHeaders(request.url, total, offsetNeighbours(query, total)));
    return nodes;
  }

  @Get(':id')
  @FailureWords('Failed to retrieve the node')
  @NodeId()
  @ApiOperation({ summary: 'Show a node' })
  @ApiOkResponse({ type: NodeDto })
  @ApiProblem('unauthenticated', 'not_found')
  get(@Param('id') id: string, @CurrentActor() actor: Actor): Promise<NodeDto> {
    return this.nodes.get(id, actor);
  }

  @Post()
  @RefuseExtras('query')
  @Idempotent()
  @AdminOnly()
  @FailureWords('Registration of the node failed')
  @ApiOperation({ summary: 'Register a node; it is offline until its engine has answered' })
  @ApiCreatedResponse({ type: NodeDto, headers: { Location: { description: 'The node.', schema: { type: 'string' } } } })
  @ApiProblem(
    'malformed_json',
    'unauthenticated',
    'admin_required',
    'read_only_token',
    'already_exists',
    'idempotency_in_progress',
    'validation_failed',
    'idempotency_key_reused',
  )
  async register(
    @Body() body: RegisterNodeDto,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<NodeDto> {
    const node = await this.nodes.register(body, context);
    void reply.header('Location', `/api/nodes/${node.id}`);
    return node;
  }

  @Patch(':id')
  @RefuseExtras('query')
  @AdminOnly()
  @FailureWords('Change of the node failed')
  @NodeId()
  @ApiOperation({ summary: 'Cordon, drain, label or resize a node' })
  @ApiOkResponse({ type: NodeDto })
  @ApiProblem('malformed_json', 'unauthenticated', 'admin_required', 'read_only_token', 'not_found', 'capacity_in_use', 'validation_failed')
  change(@Param('id') id: string, @Body() body: ChangeNodeDto, @Context() context: RequestContext): Promise<NodeDto> {
    return this.nodes.change(id, body, context);
  }

  @Delete(':id')
  @RefuseExtras('body', 'query')
  @Idempotent()
  @AdminOnly()
  @HttpCode(HttpStatus.OK)
  @FailureWords('Removal of the node failed')
  @NodeId()
  @ApiOperation({ summary: 'Remove a node that holds no reservation' })
  @ApiOkResponse({ type: RemovedNodeDto })
  @ApiProblem(
    'unauthenticated',
    'admin_required',
    'read_only_token',
    'not_found',
    'node_in_use',
    'idempotency_in_progress',
    'idempotency_key_reused',
  )
  remove(@Param('id') id: string, @Context() context: RequestContext): Promise<RemovedNodeDto> {
    return this.nodes.remove(id, context);
  }
}
