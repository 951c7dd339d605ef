import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { pageHeaders, pageHeadersOf } from '../common/http/page-headers';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor } from '../common/request-context';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';
import { PageQueryDto } from '../deployments/dto/page-query.dto';
import { requireDeploymentId } from '../deployments/refusals';
import { readHistoryQuery } from '../deployments/views/history-query';
import { RevisionDto } from './dto/revision.dto';
import { RevisionListService } from './revision-list.service';

/** The revisions of a deployment. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class RevisionsController {
  constructor(private readonly list: RevisionListService) {}

  @Get(':deployment_id/revisions')
  @FailureWords('Failed to retrieve the revisions')
  @ApiOperation({ summary: 'See the last 20 revisions, newest first' })
  @ApiDeploymentId()
  @ApiOkResponse({ type: RevisionDto, isArray: true, headers: pageHeadersOf('Revisions') })
  @ApiProblem('not_found')
  async revisions(
    @Param('deployment_id') id: string,
    @Query() query: PageQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RevisionDto[]> {
    const { items, total, next, prev } = await this.list.page(requireDeploymentId(id), actor, readHistoryQuery(query));
    void reply.headers(pageHeaders(request.url, total, { ...(next ? { next } : {}), ...(prev ? { prev } : {}) }));
    return items;
  }
}
