import { randomUUID } from 'node:crypto';
import type { AgentLine, CallPart, OpenCall } from '../runtime/agent/agent-line';
import type { CallArguments, CallKind, CallMessage, ToAgent } from '../runtime/agent/link-messages';
import { throwIfAborted } from '../runtime/abort';
import { DriverError } from '../runtime/runtime-driver';
import { partOf } from './message-shapes';
import { ShapeError } from './shape';

/** So many questions to one agent may be open at once. */
const MOST_OPEN = 64;

/** The questions that are open on one link. */
export class LinkCalls implements AgentLine {
  private readonly calls = new Map<string, LinkCall>();

  constructor(private readonly send: (message: ToAgent) => void) {}

  open<K extends CallKind>(kind: K, asked: CallArguments[K]): OpenCall {
    if (this.calls.size >= MOST_OPEN) throw new DriverError('unreachable', 'The agent of this node is asked too much at once; try again');
    const id = randomUUID();
    const call = new LinkCall(kind, {
      more: (lines) => this.send({ type: 'more', id, lines }),
      over: (isEnded) => {
        this.calls.delete(id);
        if (!isEnded) this.send({ type: 'cancel', id });
      },
    });
    this.calls.set(id, call);
    this.send({ type: 'call', id, call: kind, arguments: asked } as CallMessage);
    return call;
  }

  /** Takes a part of an answer. Parts of calls that are closed are dropped. Throws a ShapeError for what no agent may answer. */
  take(id: string, raw: object): void {
    this.calls.get(id)?.take(raw);
  }

  /** The link is broken: whoever waits is told. */
  end(): void {
    for (const call of [...this.calls.values()]) call.break();
    this.calls.clear();
  }
}

interface Wires {
  readonly more: (lines: number) => void;
  /** `isEnded`: the agent has ended it, so it need not be told. */
  readonly over: (isEnded: boolean) => void;
}

class LinkCall implements OpenCall {
  private readonly parts: CallPart[] = [];
  private credit = 0;
  private isAnswered = false;
  private state: 'open' | 'ended' | 'broken' | 'closed' = 'open';
  private wake: (() => void) | null = null;

  constructor(
    private readonly kind: CallKind,
    private readonly wires: Wires,
  ) {}

  async next(signal: AbortSignal): Promise<CallPart> {
    for (;;) {
      const part = this.parts.shift();
      if (part) return part;
      throwIfAborted(signal);
      if (this.state !== 'open') throw new DriverError('unreachable', 'The link of the agent has ended');
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.wake = done;
        signal.addEventListener('abort', done, { once: true });
      });
    }
  }

  more(lines: number): void {
    if (this.state !== 'open') return;
    this.credit += lines;
    this.wires.more(lines);
  }

  close(): void {
    if (this.state === 'closed') return;
    const isEnded = this.state !== 'open';
    this.state = 'closed';
    this.parts.length = 0;
    this.wires.over(isEnded);
    this.wake?.();
  }

  take(raw: object): void {
    if (this.state !== 'open') return;
    const part = partOf(this.kind, raw);
    if (part.type === 'answer') {
      if (this.isAnswered) throw new ShapeError('A call was answered twice');
      this.isAnswered = true;
    }
    if (part.type === 'lines') {
      this.credit -= part.lines.length;
      if (this.kind !== 'follow' || !this.isAnswered || this.credit < 0) throw new ShapeError('More lines were sent than were asked for');
    }
    this.parts.push(part);
    // Only followed lines come after an answer.
    if (part.type === 'end' || (part.type === 'answer' && this.kind !== 'follow')) this.state = 'ended';
    this.wake?.();
  }

  break(): void {
    if (this.state === 'open') this.state = 'broken';
    this.wake?.();
  }
}
