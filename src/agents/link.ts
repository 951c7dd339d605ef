import type { WebSocket } from 'ws';
import { LINK_PING_MS, LINK_PROTOCOLS, type ReportMessage, type RotateMessage, type ToAgent } from '../runtime/agent/link-messages';
import type { Identity } from './identities.repository';
import { LinkCalls } from './link-calls';
import { messageOf } from './message-shapes';
import { ShapeError } from './shape';

/** At most so often a changed state is reported. */
export const REPORT_EVERY_MS = 1_000;

const SILENT_AFTER_MS = 3 * LINK_PING_MS;
/** Beyond this the agent does not read what it is sent: whole orders would pile up in our memory. */
const MOST_UNSENT_BYTES = 16 * 1024 * 1024;
/** Reports that wait to be written; while there are more, nothing is read from the connection. */
const MOST_WAITING = 2;
/** Pings with words whose answers are waited for. */
const MOST_ASKED = 32;

export const CLOSE = { refused: 1008, tooBig: 1009, restarts: 1012, replaced: 4000 } as const;

/** What a link does with the messages of its agent. */
export interface LinkWork {
  readonly report: (link: Link, report: ReportMessage) => Promise<void>;
  readonly rotate: (link: Link, rotation: RotateMessage) => Promise<void>;
  readonly resend: (link: Link) => void;
  readonly closed: (link: Link) => void;
  readonly failed: (link: Link, error: unknown) => void;
  readonly bytes: (direction: 'in' | 'out', count: number) => void;
}

/** One connection whose machine is known: it reads, checks and passes on messages, in their order. */
export class Link {
  readonly calls = new LinkCalls((message) => this.send(message));
  /** The version of the orders that the agent has been sent; null: nothing on this connection yet. */
  sentVersion: number | null;
  /** Orders are being sent, and should be looked for once more after that. */
  readonly sending = { isUnderWay: false, isWanted: false };
  hasReported = false;
  private heardAt = performance.now();
  private readonly asked = new Map<string, () => void>();
  private isHeard = true;
  private waiting = 0;
  private working: Promise<void> = Promise.resolve();
  private isOver = false;

  constructor(
    private readonly socket: WebSocket,
    readonly identity: Identity,
    readonly epoch: number,
    /** What the agent says that it has. */
    readonly agentVersion: number,
    private readonly work: LinkWork,
  ) {
    this.sentVersion = agentVersion;
    socket.on('message', (data: Buffer, isBinary: boolean) => this.take(data, isBinary));
    socket.on('pong', (words: Buffer) => this.answered(words.toString()));
    socket.on('ping', () => this.hear());
    socket.on('close', () => this.over());
    socket.on('error', () => socket.terminate());
  }

  get nodeId(): string {
    return this.identity.nodeId;
  }

  send(message: ToAgent): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    const text = JSON.stringify(message);
    this.work.bytes('out', text.length);
    this.socket.send(text);
    if (this.socket.bufferedAmount > MOST_UNSENT_BYTES) this.socket.terminate();
  }

  /** Asks whether the agent is there. One that has not answered for long is cut off. */
  ping(): void {
    if (performance.now() - this.heardAt > SILENT_AFTER_MS) this.socket.terminate();
    else if (this.socket.readyState === this.socket.OPEN) this.socket.ping();
  }

  /** Pings the agent with these words, and calls back once it answers. A process that is gone cannot, whatever stands between. */
  ask(words: string, onAnswer: () => void): void {
    if (this.socket.readyState !== this.socket.OPEN || this.asked.size >= MOST_ASKED) return;
    this.asked.set(words, onAnswer);
    this.socket.ping(words);
  }

  /** Whether the agent was heard since the last time this was asked. */
  takeHeard(): boolean {
    const heard = this.isHeard;
    this.isHeard = false;
    return heard;
  }

  /** For a connection that ended before anybody listened. */
  noticeEnd(): void {
    if (this.socket.readyState !== this.socket.OPEN) this.over();
  }

  /** Ends the connection, with words for the log of the agent. */
  close(code: number, words: string): void {
    this.socket.close(code, words.slice(0, 120));
    setTimeout(() => this.socket.terminate(), 2_000).unref();
    this.over();
  }

  private answered(words: string): void {
    this.hear();
    this.asked.get(words)?.();
    this.asked.delete(words);
  }

  private hear(): void {
    this.heardAt = performance.now();
    this.isHeard = true;
  }

  private take(data: Buffer, isBinary: boolean): void {
    if (this.isOver) return;
    this.hear();
    this.work.bytes('in', data.length);
    try {
      if (isBinary) throw new ShapeError('A message is not a text');
      const message = messageOf(data.toString());
      if (message.type === 'part') this.calls.take(message.id, message.raw);
      else if (message.type === 'resend') this.work.resend(this);
      else this.inTurn(() => (message.type === 'report' ? this.work.report(this, message) : this.work.rotate(this, message)));
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      this.close(CLOSE.refused, `${error.message} (protocol ${String(LINK_PROTOCOLS.newest)})`);
    }
  }

  private inTurn(work: () => Promise<void>): void {
    this.waiting += 1;
    if (this.waiting > MOST_WAITING) this.socket.pause();
    this.working = this.working
      .then(() => (this.isOver ? undefined : work()))
      .catch((error: unknown) => this.work.failed(this, error))
      .finally(() => {
        this.waiting -= 1;
        if (this.waiting <= MOST_WAITING) this.socket.resume();
      });
  }

  private over(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.calls.end();
    this.work.closed(this);
  }
}
