import { Controller, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { offsetNeighbours, pageHeaders } from '../common/http/page-headers';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { OperationDto, OperationSummaryDto } from './dto/operation.dto';
import { OperationsQueryDto } from './dto/operations.query';
import { operationChangeAnswer } from './operation-answers';
import { OperationChangesService } from './operation-changes.service';
import { OperationViewsService } from './operation-views.service';
import type { OperationReport } from './operation.types';

const OperationId = (): MethodDecorator => ApiParam({ name: 'id', format: 'uuid' });

/** Bulk operations: their progress, their confirmation and their cancellation. */
@ApiTags('operations')
@ApiBearerAuth()
@Controller('operations')
export class OperationsController {
  constructor(
    private readonly views: OperationViewsService,
    private readonly changes: OperationChangesService,
  ) {}

  @Get()
  @FailureWords('Failed to list operations')
  @ApiOperation({ summary: 'List bulk operations, newest first' })
  @ApiOkResponse({
    type: [OperationSummaryDto],
    headers: {
      'X-Total-Count': { description: 'Operations in all.', schema: { type: 'integer' } },
      Link: { description: '`next` and `prev` page, where there is one.', schema: { type: 'string' } },
    },
  })
  @ApiProblem('admin_required')
  async list(
    @Query() query: OperationsQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationSummaryDto[]> {
    const { rows, total } = await this.views.list(actor, { ...query, all: query.all_users });
    void reply.headers(pageHeaders(request.url, total, offsetNeighbours(query, total)));
    return rows.map((row) => OperationSummaryDto.summary(row));
  }

  @Get(':id')
  @RefuseExtras('query')
  @FailureWords('Failed to retrieve the operation')
  @OperationId()
  @ApiOperation({ summary: 'Show how far a bulk operation is, deployment by deployment' })
  @ApiOkResponse({ type: OperationDto })
  @ApiProblem('not_found')
  async get(@Param('id') id: string, @CurrentActor() actor: Actor): Promise<OperationDto> {
    return OperationDto.of(await this.views.get(id, actor));
  }

  @Post(':id/confirm')
  @AdminOnly()
  @RefuseExtras('body', 'query')
  @FailureWords('Confirmation failed')
  @OperationId()
  @ApiOperation({ summary: 'Let an operation go on that waits because it would delete too much' })
  @Command(operationChangeAnswer)
  @ApiOkResponse({ type: OperationDto })
  @ApiProblem('not_found', 'conflict')
  confirm(@Param('id') id: string, @Context() context: RequestContext): Promise<OperationReport> {
    return this.changes.confirm(id, context);
  }

  @Post(':id/cancel')
  @RefuseExtras('body', 'query')
  @FailureWords('Cancellation failed')
  @OperationId()
  @ApiOperation({ summary: 'End an operation; what it has deleted stays deleted' })
  @Command(operationChangeAnswer)
  @ApiOkResponse({ type: OperationDto })
  @ApiProblem('not_found', 'conflict')
  cancel(@Param('id') id: string, @Context() context: RequestContext): Promise<OperationReport> {
    return this.changes.cancel(id, context);
  }
}
