import { get, type IncomingMessage } from 'node:http';
import { until } from './until';

export interface StreamedEvent {
  readonly id: number;
  readonly type: string;
  readonly data: { id: string; type: string; subject?: string; sequence: string; data: Record<string, unknown> };
}

/** A client of server-sent events that keeps what it received. */
export class EventStreamClient {
  readonly events: StreamedEvent[] = [];
  /** Ids of frames without data, which only tell where to continue after a break. */
  readonly marks: number[] = [];
  text = '';
  ended = false;

  private constructor(readonly answer: IncomingMessage) {
    answer.setEncoding('utf8');
    answer.on('data', (chunk: string) => {
      this.text += chunk;
      const frames = this.text.split('\n\n');
      this.text = frames.pop() ?? '';
      for (const frame of frames) this.take(frame);
    });
    const end = (): void => void (this.ended = true);
    answer.on('end', end).on('error', end).on('close', end);
  }

  static open(url: string, token: string, headers: Record<string, string> = {}): Promise<EventStreamClient> {
    const all = { Accept: 'text/event-stream', Authorization: `Bearer ${token}`, ...headers };
    return new Promise((resolve, reject) => {
      get(url, { headers: all, agent: false }, (answer) => resolve(new EventStreamClient(answer))).on('error', reject);
    });
  }

  types = (): string[] => this.events.map(({ type }) => type);

  untilEvents(count: number, timeoutMs = 60_000): Promise<unknown> {
    return until(() => this.events.length >= count, { what: `${String(count)} events, not ${String(this.events.length)}`, timeoutMs });
  }

  close(): void {
    this.answer.destroy();
  }

  private take(frame: string): void {
    const field = (name: string): string | undefined =>
      frame.split('\n').flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2)] : []))[0];
    const [id, type, data] = [field('id'), field('event'), field('data')];
    if (data !== undefined) this.events.push({ id: Number(id), type: type ?? '', data: JSON.parse(data) as StreamedEvent['data'] });
    else if (id !== undefined) this.marks.push(Number(id));
  }
}
