import WebSocket from 'ws';
import { tlsTrouble } from '../../common/tls-trouble';
import { fieldOf } from '../../common/field-of';
import { LARGEST_MESSAGE_BYTES, LINK_PING_MS, type FromAgent, type ToAgent } from '../../runtime/agent/link-messages';
import { readMessage } from './read-message';
import type { Way } from './way';

/** A link with a round trip of seconds needs several of them, and some get lost. */
const OPEN_WITHIN_MS = 45_000;
const LOOK_MS = 1_000;
/** A control plane that goes down says so with these codes. */
const GOING_AWAY: ReadonlySet<number> = new Set([1001, 1012]);

/** How a connection ended. `clean`: the control plane closed it because it is being restarted. */
export interface Ending {
  readonly clean: boolean;
  readonly words: string;
}

export interface ConnectionOptions {
  readonly way: Way;
  readonly signal: AbortSignal;
  readonly pingMs?: number;
  /** Messages come one after the other: the next one when this has resolved. A rejection ends the connection. */
  readonly onMessage: (message: ToAgent, connection: Connection) => Promise<void>;
  /** It is closed. What came before may still be worked on. */
  readonly onClose: () => void;
}

/** One WebSocket to the control plane, until it ends. It is over after three pings that have not come, whoever is silent. */
export class Connection {
  private readonly socket: WebSocket;
  private heardMs = performance.now();
  private words: string | null = null;
  private work = Promise.resolve();

  private constructor(private readonly options: ConnectionOptions) {
    this.socket = new WebSocket(options.way.linkUrl(), {
      agent: options.way.agent(),
      handshakeTimeout: OPEN_WITHIN_MS,
      maxPayload: LARGEST_MESSAGE_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
    });
  }

  /** Opens a connection and resolves when it has ended and all messages that came have been worked on. Never rejects. */
  static run(options: ConnectionOptions): Promise<Ending> {
    return new Connection(options).run();
  }

  send(message: FromAgent): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Ends the connection, for this reason. */
  end(words: string): void {
    this.words ??= words;
    this.socket.close(1000);
    // A peer that does not answer the farewell is not waited for.
    setTimeout(() => this.socket.terminate(), LOOK_MS);
  }

  private run(): Promise<Ending> {
    const { socket } = this;
    const { signal, pingMs = LINK_PING_MS } = this.options;
    const stop = (): void => this.end('The agent is being stopped');
    signal.addEventListener('abort', stop, { once: true });
    const watch = setInterval(() => {
      if (performance.now() - this.heardMs > 3 * pingMs) this.cut('Nothing was heard of the control plane for three pings');
    }, LOOK_MS);
    const heard = (): void => void (this.heardMs = performance.now());
    socket.on('open', heard).on('ping', heard).on('pong', heard);
    socket.on('message', (data, isBinary) => {
      heard();
      this.receive(isBinary ? null : (data as Buffer).toString());
    });
    socket.on('unexpected-response', (_request, { statusCode }) => this.cut(`The control plane answered ${statusCode ?? 0} to the link`));
    socket.on('error', (error) => (this.words ??= wordsOf(error)));
    return new Promise((resolve) => {
      socket.on('close', (code) => {
        clearInterval(watch);
        signal.removeEventListener('abort', stop);
        this.options.onClose();
        void this.work.then(() => resolve(this.ending(code)));
      });
      if (signal.aborted) stop();
    });
  }

  private ending(code: number): Ending {
    const clean = GOING_AWAY.has(code);
    return { clean, words: this.words ?? (clean ? 'The control plane is being restarted' : `The link was closed (code ${code})`) };
  }

  private receive(text: string | null): void {
    const message = text === null ? null : readMessage(text);
    // What a newer control plane says beyond this protocol is not for this agent.
    if (message === null) return;
    this.work = this.work
      .then(() => this.options.onMessage(message, this))
      .catch((error: unknown) => this.cut(`A message could not be worked on: ${error instanceof Error ? error.message : String(error)}`));
  }

  private cut(words: string): void {
    this.words ??= words;
    this.socket.terminate();
  }
}

function wordsOf(error: Error): string {
  const tls = tlsTrouble(error);
  if (tls !== null) return `The control plane is not trusted: ${tls}. A private authority is named in NODE_EXTRA_CA_CERTS`;
  const code = fieldOf(error, 'code');
  return `The control plane could not be reached (${typeof code === 'string' ? code : error.message})`;
}
