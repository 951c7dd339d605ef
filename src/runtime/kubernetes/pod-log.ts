import type { V1Pod } from '@kubernetes/client-node';
import { logTime } from '../log-time';
import { LogTail } from '../log-tail';
import { DriverError, type FollowOptions, type LogLimits, type LogLine, type WorkloadLog } from '../runtime-driver';
import type { ClusterClient } from './cluster-client';
import { CONTAINER } from './job-manifest';
import { toDriverError } from './kubernetes-errors';
import { textLines } from './text-lines';

const MAX_LINE_BYTES = 4096;
const MAX_FOLLOWED_BYTES = 16_384;
/** Longer than the time that a cluster writes before a line, with its space. */
const MAX_STAMP_BYTES = 64;

/** The last lines of a Pod's log. Keeps only the lines that it returns. */
export async function podLog(client: ClusterClient, pod: V1Pod, limits: LogLimits, signal: AbortSignal): Promise<WorkloadLog> {
  const tail = new LogTail(limits);
  const query = { tailLines: String(limits.tailLines), ...(limits.since === undefined ? {} : { sinceTime: limits.since }) };
  const stream = await client.stream(pathOf(client, pod), { query, signal });
  for await (const { text } of textLines(stream, MAX_LINE_BYTES)) tail.add(text);
  return tail.result();
}

/**
 * The lines of a Pod as they are written. A cluster does not tell the two streams apart, so all of them are of `stdout`. Resolves when the
 * cluster has answered.
 */
export async function followPod(client: ClusterClient, pod: V1Pod, options: FollowOptions): Promise<AsyncIterable<LogLine>> {
  const { since, tailLines, signal } = options;
  const query = {
    follow: 'true',
    timestamps: 'true',
    ...(tailLines === null ? {} : { tailLines: String(tailLines) }),
    ...(since === null ? {} : { sinceTime: since }),
  };
  return linesOf(await client.stream(pathOf(client, pod), { query, signal }), options);
}

async function* linesOf(stream: AsyncIterable<Buffer>, { since, signal }: FollowOptions): AsyncGenerator<LogLine, void> {
  try {
    for await (const { text, cut } of textLines(stream, MAX_FOLLOWED_BYTES + MAX_STAMP_BYTES)) {
      const end = text.indexOf(' ');
      const time = logTime(text.slice(0, end));
      if (time === null) throw new DriverError('timeout', 'The cluster broke off while it read the lines');
      // The cluster reads a time to the second only.
      if (since === null || time >= since) yield { time, stream: 'stdout', line: text.slice(end + 1), cut };
    }
  } catch (error) {
    if (!signal.aborted) throw toDriverError(error, 'read the logs');
  }
}

const pathOf = (client: ClusterClient, pod: V1Pod): string =>
  `/api/v1/namespaces/${client.access.namespace}/pods/${pod.metadata?.name ?? ''}/log?container=${CONTAINER}`;
