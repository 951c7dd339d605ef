import type { CheckTimes, HealthCheckSpec } from '../../engines/container-spec';
import type { HealthCheckDto } from '../dto/health-check.dto';
import { readStatusRange, showStatusRange } from './status-range';

/** The check that a request asks for. The DTO has made sure that it has exactly one kind. */
export function readCheck({ command, http, tcp, ...body }: HealthCheckDto): HealthCheckSpec {
  const times: CheckTimes = {
    intervalSeconds: body.interval_seconds,
    timeoutSeconds: body.timeout_seconds,
    retries: body.retries,
    startPeriodSeconds: body.start_period_seconds,
  };
  if (http) return { http: { port: http.port, path: http.path, expectStatus: readStatusRange(http.expect_status) }, ...times };
  if (tcp) return { tcp: { port: tcp.port }, ...times };
  if (command) return { command, ...times };
  throw new Error('The health check has no kind');
}

/** The check as views show it: only the kind that it has. */
export const showCheck = (check: HealthCheckSpec): HealthCheckDto => ({
  ...showKind(check),
  interval_seconds: check.intervalSeconds,
  timeout_seconds: check.timeoutSeconds,
  retries: check.retries,
  start_period_seconds: check.startPeriodSeconds,
});

function showKind(check: HealthCheckSpec): Pick<HealthCheckDto, 'command' | 'http' | 'tcp'> {
  if ('command' in check) return { command: [...check.command] };
  if ('tcp' in check) return { tcp: { port: check.tcp.port } };
  const { port, path, expectStatus } = check.http;
  return { http: { port, path, expect_status: showStatusRange(expectStatus) } };
}
