import { Controller, Get, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { AdminOnly } from '../auth/admin-only.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { prefersToJson } from '../common/http/accepts';
import { FailureWords } from '../common/http/failure-words.decorator';
import { pageHeaders, pageHeadersOf } from '../common/http/page-headers';
import type { Actor } from '../common/request-context';
import { AuditQueryDto, AuditRecordDto } from './audit-log.dto';
import { AuditLogService } from './audit-log.service';
import { readAuditQuery } from './audit-query';

const NDJSON = 'application/x-ndjson';
@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@Controller('admin/audit')
export class AuditLogController {
  constructor(private readonly log: AuditLogService) {}

  @Get()
  @FailureWords('Failed to read the audit log')
  @ApiOperation({
    summary: 'Read the audit log, newest first',
    description:
      'With `Accept: application/x-ndjson` or `format=ndjson` all rows that fit, one a line; `limit` and `cursor` do not count then.',
  })
  @ApiOkResponse({ type: AuditRecordDto, isArray: true, headers: pageHeadersOf('Entries') })
  async read(
    @Query() query: AuditQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AuditRecordDto[] | StreamableFile> {
    const asked = readAuditQuery(query);
    if (isExport(query, request)) return new StreamableFile(Readable.from(this.log.lines(asked.filters, actor)), { type: NDJSON });
    const { items, total, next, prev } = await this.log.page(asked);
    void reply.headers(pageHeaders(request.url, total, { next, prev }));
    return items;
  }
}

const isExport = ({ format }: AuditQueryDto, { headers }: FastifyRequest): boolean =>
  format === undefined ? prefersToJson(headers.accept, NDJSON) : format === 'ndjson';
