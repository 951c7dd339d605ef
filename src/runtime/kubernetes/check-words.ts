import type { V1Pod, V1Probe } from '@kubernetes/client-node';
import { oneLine } from '../one-line';
import { CONTAINER } from './job-manifest';

/** While nothing is known of why. */
export const CHECK_FAILS = 'Health check fails';

/** The probe that the health check of a replica has become. */
export const probeOf = ({ spec }: V1Pod): V1Probe | undefined => spec?.containers.find(({ name }) => name === CONTAINER)?.readinessProbe;

const TROUBLES: readonly (readonly [RegExp, string])[] = [
  [/connection refused/, 'was refused'],
  [/connection reset|EOF/, 'was cut off'],
  [/deadline exceeded|timeout|timed out/i, 'was not answered in time'],
  [/malformed HTTP/, 'was not answered with HTTP'],
];

/** What a machine has told of the last check that failed, in the words that checks have everywhere, and without addresses. Pure. */
export function checkWords(probe: V1Probe | undefined, message: string): string {
  const [, output = ''] = /^Readiness probe \w+: ?(.*)$/s.exec(message) ?? [null, message];
  const { httpGet, tcpSocket } = probe ?? {};
  if (httpGet === undefined && tcpSocket === undefined) {
    const words = oneLine(output);
    return words === '' ? CHECK_FAILS : `${CHECK_FAILS}: ${words}`;
  }
  const what = httpGet ? `GET ${httpGet.path ?? '/'}` : `A connection to port ${String(tcpSocket?.port ?? '')}`;
  const [, status] = /statuscode: (\d+)/.exec(output) ?? [];
  if (status !== undefined) return `${what} answered ${status}`;
  return `${what} ${TROUBLES.find(([trouble]) => trouble.test(output))?.[1] ?? 'failed'}`;
}
