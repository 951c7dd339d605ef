import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';
import type { Backends } from './backends';
import type { PassedHeaders } from './forwarded-headers';
import { wasNotSent } from './refused';
import type { Destination } from './route-index';
import { wordsOf, type Answer } from './words';

const ANSWERS_WITHIN_MS = 30_000;

interface UpgradePassage {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client has sent after its request. */
  readonly head: Buffer;
  readonly destination: Destination;
  readonly path: string;
  readonly headers: PassedHeaders;
  /** Called once, with the status code of the answer. */
  readonly onAnswer: (status: number) => void;
}

/**
 * Asks a replica for another protocol on this connection, such as WebSocket, and joins both connections if it agrees. Its refusal
 * is passed on and ends the connection.
 */
export function proxyUpgrade(backends: Backends, passage: UpgradePassage): void {
  const { request, socket, head, destination, path, onAnswer } = passage;
  const headers = { ...passage.headers, connection: 'Upgrade', upgrade: request.headers.upgrade ?? 'websocket' };
  const tried = new Set<string>();
  socket.on('error', () => socket.destroy());

  const attempt = (): void => {
    const target = backends.choose(destination.targets, tried);
    if (!target) {
      onAnswer(refuse(socket, tried.size === 0 ? 'no replica' : 'unreachable'));
      return;
    }
    tried.add(target.replicaId);
    const leave = backends.enter(target);
    const { hostname, port } = new URL(`http://${target.address}`);
    const asked = httpRequest({
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      path,
      headers,
      method: request.method ?? 'GET',
      agent: false,
      timeout: ANSWERS_WITHIN_MS,
    });
    const gone = (): void => void asked.destroy();
    socket.once('close', gone);
    asked.once('close', leave);
    asked.once('timeout', () => asked.destroy(new Error('No answer in time')));
    asked.once('upgrade', (answer, upstream: Duplex, first: Buffer) => {
      upstream.once('close', leave);
      asked.off('close', leave);
      socket.off('close', gone);
      socket.write(rawHead(answer), 'latin1');
      onAnswer(101);
      if (first.length > 0) socket.write(first);
      if (head.length > 0) upstream.write(head);
      const end = (): void => {
        socket.destroy();
        upstream.destroy();
      };
      pipeline(socket, upstream, end);
      pipeline(upstream, socket, end);
    });
    asked.once('response', (answer) => {
      socket.write(rawHead(answer, ['connection: close']), 'latin1');
      onAnswer(answer.statusCode ?? 502);
      pipeline(answer, socket, () => socket.destroy());
    });
    asked.once('error', (error) => {
      socket.off('close', gone);
      if (socket.destroyed) return;
      if (!wasNotSent(error)) {
        onAnswer(refuse(socket, 'unreachable'));
        return;
      }
      backends.avoid(target);
      attempt();
    });
    asked.end();
  };
  attempt();
}

/** Answers in one line, closes the connection, and returns the status code. */
export function refuse(socket: Duplex, answer: Answer): number {
  const { status, line } = wordsOf(answer);
  const lines = [`HTTP/1.1 ${status} ${answer}`, 'content-type: text/plain; charset=utf-8', `content-length: ${line.length}`];
  socket.end([...lines, ...(status === 503 ? ['retry-after: 1'] : []), 'connection: close', '', line].join('\r\n'));
  return status;
}

/** The head of an answer as it came. A body that came in parts is passed on without the marks between them. */
function rawHead(answer: IncomingMessage, more: readonly string[] = []): string {
  const lines = [`HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ''}`];
  for (let index = 0; index < answer.rawHeaders.length; index += 2) {
    const name = answer.rawHeaders[index] ?? '';
    const dropped = /^(?:transfer-encoding|keep-alive)$/i.test(name) || (more.length > 0 && /^connection$/i.test(name));
    if (!dropped) lines.push(`${name}: ${answer.rawHeaders[index + 1] ?? ''}`);
  }
  return [...lines, ...more, '', ''].join('\r\n');
}
