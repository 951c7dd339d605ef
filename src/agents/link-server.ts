import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import { DomainError } from '../common/problem/domain-error';
import { upgradeOf } from '../common/http/upgrades';
import {
  LARGEST_MESSAGE_BYTES,
  LINK_PROTOCOLS,
  type HelloMessage,
  type RefusedMessage,
  type ToAgent,
} from '../runtime/agent/link-messages';
import { Admission } from './admission';
import { AgentMetrics } from './agent-metrics';
import { CLOSE, Link } from './link';
import { Links } from './links';
import { helloOf } from './message-shapes';
import { ShapeError } from './shape';

/** A hello is small, and comes at once. */
const HELLO_WITHIN_MS = 10_000;
const HELLO_BYTES = 8 * 1024;
/** So many connections may be without a known machine at once. */
const MOST_STRANGERS = 500;

/** Accepts the connections of agents, and lets those in whose machines are known. */
@Injectable()
export class LinkServer implements BeforeApplicationShutdown {
  private readonly logger = new Logger(LinkServer.name);
  private readonly server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: LARGEST_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  private readonly strangers = new Set<WebSocket>();
  private isClosing = false;

  constructor(
    private readonly admission: Admission,
    private readonly links: Links,
    private readonly metrics: AgentMetrics,
  ) {}

  /** Makes a WebSocket of a request. False when the request does not ask for one; throws `try_again` when there are too many. */
  take(request: IncomingMessage, address: string): boolean {
    const upgrade = upgradeOf(request);
    if (!upgrade || request.headers.upgrade?.toLowerCase() !== 'websocket' || request.headers.origin !== undefined) return false;
    if (this.isClosing || this.strangers.size >= MOST_STRANGERS)
      throw new DomainError('try_again', 'Too many agents connect at once. Please try again.', { retryAfterSeconds: 5 });
    this.server.handleUpgrade(request, upgrade.release(), upgrade.head, (socket) => void this.meet(socket, address));
    return true;
  }

  beforeApplicationShutdown(): void {
    this.isClosing = true;
    for (const socket of this.strangers) socket.terminate();
  }

  private async meet(socket: WebSocket, address: string): Promise<void> {
    this.strangers.add(socket);
    const nonce = randomBytes(32).toString('base64url');
    const tell = (message: ToAgent): void => socket.send(JSON.stringify(message));
    socket.on('error', () => socket.terminate());
    try {
      tell({ type: 'challenge', nonce, protocols: LINK_PROTOCOLS });
      const hello = helloOf(await firstMessage(socket));
      const admitted = await this.admit(hello, { nonce, address });
      if (admitted instanceof Function) admitted(socket);
      else {
        this.metrics.refused(admitted.code);
        this.logger.warn(`The agent of node ${hello.nodeId} at ${address} was refused (${admitted.code})`);
        tell(admitted);
        socket.close(CLOSE.refused, admitted.code);
        setTimeout(() => socket.terminate(), 2_000).unref();
      }
    } catch (error) {
      if (!(error instanceof ShapeError || error instanceof Gone)) this.logger.warn(`An agent could not be let in: ${String(error)}`);
      socket.close(error instanceof ShapeError ? CLOSE.refused : 1011, error instanceof ShapeError ? error.message.slice(0, 120) : '');
      setTimeout(() => socket.terminate(), 2_000).unref();
    } finally {
      this.strangers.delete(socket);
    }
  }

  /** Gives what makes the connection a link, or a refusal. */
  private async admit(
    hello: HelloMessage,
    { nonce, address }: { nonce: string; address: string },
  ): Promise<((socket: WebSocket) => void) | RefusedMessage> {
    const admitted = await this.admission.admit(hello, { holder: this.links.holder, nonce, address });
    if ('code' in admitted) return admitted;
    return (socket) => {
      const link = new Link(socket, admitted.identity, admitted.epoch, hello.ordersVersion, this.links.work);
      link.send(admitted.welcome);
      this.links.take(link, admitted);
      link.noticeEnd();
    };
  }
}

/** The connection ended, or said nothing in time. */
class Gone extends Error {}

function firstMessage(socket: WebSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Gone('It said nothing')), HELLO_WITHIN_MS);
    const end = (finish: () => void): void => {
      clearTimeout(timer);
      socket.off('message', onMessage);
      socket.off('close', onClose);
      finish();
    };
    const onMessage = (data: Buffer, isBinary: boolean): void =>
      end(() => (isBinary || data.length > HELLO_BYTES ? reject(new ShapeError('hello is not a short text')) : resolve(data.toString())));
    const onClose = (): void => end(() => reject(new Gone('It has gone')));
    socket.on('message', onMessage);
    socket.on('close', onClose);
  });
}
