import { Controller, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { offsetNeighbours, pageHeaders } from '../common/http/page-headers';
import { ObeysIfMatch } from '../common/http/precondition';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { DryRunQueryDto } from '../common/validation/dry-run.query.dto';
import { ETAG_HEADER } from '../deployments/etag';
import { AdoptService } from './adopt.service';
import { AdoptPreviewQueryDto, AdoptQueryDto } from './dto/adopt.query';
import { OrphanDto } from './dto/orphan.dto';
import { OrphanPreviewDto } from './dto/orphan-preview.dto';
import { OrphansQueryDto } from './dto/orphans.query';
import { requireOrphanId } from './orphan-decision';
import type { OrphanView } from './orphan.types';
import { orphanAnswer } from './orphans-answers';
import { OrphansService, type OrphanPreview } from './orphans.service';
import { ReapService } from './reap.service';

const OrphanId = (): MethodDecorator => ApiParam({ name: 'id', format: 'uuid' });

/** What has lost its other half: for administrators to look at, to reap and to adopt. */
@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@Controller('admin/orphans')
export class OrphansController {
  constructor(
    private readonly orphans: OrphansService,
    private readonly reaping: ReapService,
    private readonly adopting: AdoptService,
  ) {}

  @Get()
  @FailureWords('Failed to list the orphans')
  @ApiOperation({ summary: 'List containers without a replica, replicas without a container, and routes without a deployment' })
  @ApiOkResponse({
    type: [OrphanDto],
    headers: {
      'X-Total-Count': { description: 'Orphans in all.', schema: { type: 'integer' } },
      Link: { description: '`next` and `prev` page, where there is one.', schema: { type: 'string' } },
    },
  })
  async list(
    @Query() query: OrphansQueryDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrphanDto[]> {
    const { kind = null, node_id: nodeId = null, state = null } = query;
    const { rows, total } = await this.orphans.page({ kind, nodeId, state }, query);
    void reply.headers(pageHeaders(request.url, total, offsetNeighbours(query, total)));
    return rows.map((row) => OrphanDto.of(row));
  }

  @Get(':id')
  @RefuseExtras('query')
  @FailureWords('Failed to read the orphan')
  @OrphanId()
  @ApiOperation({ summary: 'Show an orphan, and how far its reaping is' })
  @ApiOkResponse({ type: OrphanDto, headers: ETAG_HEADER })
  @ApiProblem('not_found')
  async get(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<OrphanDto> {
    return tagged(reply, OrphanDto.of(await this.orphans.get(requireOrphanId(id))));
  }

  @Get(':id/reap-preview')
  @RefuseExtras('query')
  @FailureWords('Failed to preview the reap')
  @OrphanId()
  @ApiOperation({ summary: 'See what a reap would do' })
  @ApiOkResponse({ type: OrphanPreviewDto, headers: ETAG_HEADER })
  @ApiProblem('not_found')
  async previewReap(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<OrphanPreviewDto> {
    return tagged(reply, OrphanPreviewDto.of(await this.orphans.previewReap(requireOrphanId(id))));
  }

  @Get(':id/adopt-preview')
  @FailureWords('Failed to preview the adoption')
  @OrphanId()
  @ApiOperation({ summary: 'See whether a container can become a replica again' })
  @ApiOkResponse({ type: OrphanPreviewDto, headers: ETAG_HEADER })
  @ApiProblem('not_found')
  async previewAdopt(
    @Param('id') id: string,
    @Query() { raise_target: raiseTarget }: AdoptPreviewQueryDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrphanPreviewDto> {
    return tagged(reply, OrphanPreviewDto.of(await this.orphans.previewAdopt(requireOrphanId(id), { raiseTarget })));
  }

  @Post(':id/reap')
  @RefuseExtras('body')
  @Command(orphanAnswer)
  @ObeysIfMatch()
  @FailureWords('The reap failed')
  @OrphanId()
  @ApiOperation({
    summary: 'Remove a container, end a replica without one, or take routes away',
    description: '`If-Match` is required: the `etag` that the preview or the list has shown.',
  })
  @ApiAcceptedResponse({ type: OrphanDto })
  @ApiProblem('not_found', 'conflict', 'precondition_required')
  async reap(
    @Param('id') id: string,
    @Query() { dry_run: dryRun }: DryRunQueryDto,
    @Context() context: RequestContext,
  ): Promise<OrphanView | { preview: OrphanPreview }> {
    const orphanId = requireOrphanId(id);
    return dryRun ? { preview: await this.orphans.previewReap(orphanId) } : this.reaping.reap(orphanId, context);
  }

  @Post(':id/adopt')
  @RefuseExtras('body')
  @Command(orphanAnswer)
  @ObeysIfMatch()
  @FailureWords('The adoption failed')
  @OrphanId()
  @ApiOperation({
    summary: 'Make a container a replica of its deployment again',
    description: '`If-Match` is required: the `etag` that the preview or the list has shown.',
  })
  @ApiAcceptedResponse({ type: OrphanDto })
  @ApiProblem('not_found', 'conflict', 'insufficient_capacity', 'quota_exceeded', 'precondition_required')
  async adopt(
    @Param('id') id: string,
    @Query() { dry_run: dryRun, raise_target: raiseTarget }: AdoptQueryDto,
    @Context() context: RequestContext,
  ): Promise<OrphanView | { preview: OrphanPreview }> {
    const orphanId = requireOrphanId(id);
    return dryRun
      ? { preview: await this.orphans.previewAdopt(orphanId, { raiseTarget }) }
      : this.adopting.adopt(orphanId, { raiseTarget }, context);
  }
}

/** The version that a decision names in `If-Match`, as the header of the answer too. */
function tagged<T extends { readonly etag: string }>(reply: FastifyReply, body: T): T {
  void reply.header('ETag', body.etag);
  return body;
}
