import type { LogLine } from '../../runtime/runtime-driver';
import type { LogPosition } from './log-position';

/** What a stream of logs tells of one replica. */
export type ReplicaNews =
  | { readonly kind: 'line'; readonly line: LogLine }
  | { readonly kind: 'joined' | 'resumed' | 'left' }
  | { readonly kind: 'interrupted'; readonly reason: string };

export interface FollowedReplica {
  readonly id: string;
  readonly nodeName: string;
}

/** Tells clients to wait two seconds before they connect again. */
export const PREAMBLE = 'retry: 2000\n\n';

/** JSON has no line breaks, so nothing that a container writes can end an event or begin another. */
const frame = (event: string, data: object): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** A line, with the position behind it, so that a client that reconnects goes on there. */
export const lineFrame = ({ id, nodeName }: FollowedReplica, { stream, time, line, cut }: LogLine, position: LogPosition): string =>
  `id: ${position.toString()}\n${frame('line', { replica_id: id, node_name: nodeName, stream, time, line, cut })}`;

export const replicaFrame = ({ id, nodeName }: FollowedReplica, news: Exclude<ReplicaNews, { kind: 'line' }>): string =>
  frame(news.kind, { replica_id: id, node_name: nodeName, ...(news.kind === 'interrupted' ? { reason: news.reason } : {}) });

/** The stream has sent what its reader may have in a minute, and goes on afterwards. Nothing is left out. */
export const pausedFrame = (seconds: number): string =>
  frame('paused', { seconds, reason: 'You have read as much as a minute allows: the stream goes on after that' });

export const endFrame = (reason: string): string => frame('end', { reason });
