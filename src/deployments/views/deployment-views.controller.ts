import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CurrentActor } from '../../common/http/current-actor.decorator';
import { pageHeaders, pageHeadersOf } from '../../common/http/page-headers';
import { FailureWords } from '../../common/http/failure-words.decorator';
import { ApiProblem } from '../../common/problem/api-problem.decorator';
import type { Actor } from '../../common/request-context';
import { DeploymentViewsService } from './deployment-views.service';
import { PageQueryDto, StatusQueryDto } from '../dto/page-query.dto';
import { DeploymentDetailDto } from '../dto/deployment-detail.dto';
import { DeploymentListItemDto, ListQueryDto } from '../dto/deployment-list.dto';
import { DeploymentStatusDto, HistoryEntryDto } from '../dto/deployment-status.dto';
import { ETAG_HEADER } from '../etag';
import type { StatusShown } from './deployment-views.repository';
import { readHistoryQuery } from './history-query';
import { readListQuery } from './list-query';
import { ApiDeploymentId } from '../api-deployment-id.decorator';
import { requireDeploymentId } from '../refusals';

/** The views of deployments: of their own ones for users, of all for administrators. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class DeploymentViewsController {
  constructor(private readonly views: DeploymentViewsService) {}

  @Get('list')
  @FailureWords('Failed to list deployments')
  @ApiOperation({ summary: 'List deployments' })
  @ApiOkResponse({ type: DeploymentListItemDto, isArray: true, headers: pageHeadersOf('Deployments') })
  @ApiProblem('admin_required')
  async list(
    @Query() query: ListQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeploymentListItemDto[]> {
    const { items, total, next, prev } = await this.views.list(readListQuery(query, actor));
    void reply.headers(pageHeaders(request.url, total, { next, prev }));
    return items;
  }

  @Get('status/:deployment_id')
  @FailureWords('Failed to retrieve deployment status')
  @ApiOperation({ summary: 'See status, health and replicas', description: 'What the runtimes showed, not what was hoped.' })
  @ApiDeploymentId()
  @ApiOkResponse({ type: DeploymentStatusDto, headers: ETAG_HEADER })
  @ApiProblem('not_found')
  async status(
    @Param('deployment_id') id: string,
    @Query() query: StatusQueryDto,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeploymentStatusDto> {
    const { body, etag } = await this.views.status(requireDeploymentId(id), actor, shownOf(query));
    void reply.header('ETag', etag);
    return body;
  }

  @Get(':deployment_id')
  @FailureWords('Failed to retrieve deployment')
  @ApiOperation({ summary: 'See the whole deployment with its placement explanations' })
  @ApiDeploymentId()
  @ApiOkResponse({ type: DeploymentDetailDto, headers: ETAG_HEADER })
  @ApiProblem('not_found')
  async detail(
    @Param('deployment_id') id: string,
    @Query() query: StatusQueryDto,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeploymentDetailDto> {
    const { body, etag } = await this.views.detail(requireDeploymentId(id), actor, shownOf(query));
    void reply.header('ETag', etag);
    return body;
  }

  @Get(':deployment_id/history')
  @FailureWords('Failed to retrieve deployment history')
  @ApiOperation({ summary: 'See every status change, newest first' })
  @ApiDeploymentId()
  @ApiOkResponse({ type: HistoryEntryDto, isArray: true, headers: pageHeadersOf('Entries') })
  @ApiProblem('not_found')
  async history(
    @Param('deployment_id') id: string,
    @Query() query: PageQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HistoryEntryDto[]> {
    const { items, total, next, prev } = await this.views.history(requireDeploymentId(id), actor, readHistoryQuery(query));
    void reply.headers(pageHeaders(request.url, total, { next, prev }));
    return items;
  }
}

const shownOf = (query: StatusQueryDto): StatusShown => ({ includeDeleted: query.include_deleted, finished: query.finished_replicas });
