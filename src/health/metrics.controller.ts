import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Public } from '../auth/public.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import { Metrics } from '../metrics/metrics';

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const SUMMARY = 'Metrics in the text format of Prometheus';

/** The default: only administrators, or a token of theirs, may read metrics, because metrics tell about all users. */
@ApiTags('health')
@AdminOnly()
@Controller('metrics')
export class ClosedMetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @Header('Content-Type', CONTENT_TYPE)
  @ApiOperation({ summary: `${SUMMARY}, for administrators` })
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string' } })
  @ApiProblem('unauthenticated', 'inactive_user', 'admin_required', 'rate_limited', 'internal', 'try_again')
  read(): Promise<string> {
    return this.metrics.registry.metrics();
  }
}

/** With METRICS_PUBLIC=true: for a scraper on a closed network. */
@ApiTags('health')
@Public()
@Controller('metrics')
export class PublicMetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @Header('Content-Type', CONTENT_TYPE)
  @ApiOperation({ summary: SUMMARY })
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string' } })
  @ApiProblem('rate_limited', 'internal')
  read(): Promise<string> {
    return this.metrics.registry.metrics();
  }
}
