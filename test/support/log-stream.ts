import { get, type IncomingMessage } from 'node:http';
import { until } from './until';

export interface LogEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: Record<string, unknown> & { replica_id?: string; line?: string; reason?: string };
}

/** A client of server-sent events that reads lines as the standard says: ended by CR, LF or both. */
export class LogStreamClient {
  readonly events: LogEvent[] = [];
  /** Lines that are neither a known field nor a comment: there must be none. */
  readonly strange: string[] = [];
  lastEventId: string | undefined;
  ended = false;
  private rest = '';
  private fields = new Map<string, string>();

  private constructor(readonly answer: IncomingMessage) {
    answer.setEncoding('utf8');
    answer.on('data', (chunk: string) => this.read(chunk));
    const end = (): void => void (this.ended = true);
    answer.on('end', end).on('error', end).on('close', end);
  }

  static open(url: string, token: string, headers: Record<string, string> = {}): Promise<LogStreamClient> {
    return new Promise((resolve, reject) => {
      const all = { Authorization: `Bearer ${token}`, ...headers };
      get(url, { headers: all, agent: false }, (answer) => resolve(new LogStreamClient(answer))).on('error', reject);
    });
  }

  of = (type: string): LogEvent[] => this.events.filter((event) => event.type === type);

  lines = (replicaId?: string): string[] =>
    this.of('line').flatMap(({ data }) => (replicaId === undefined || data.replica_id === replicaId ? [data.line ?? ''] : []));

  untilLines(count: number): Promise<unknown> {
    return until(() => this.lines().length >= count, { what: `${String(count)} lines` });
  }

  untilEvent(type: string): Promise<LogEvent> {
    return until(() => this.of(type)[0], { what: `an event ${type}` });
  }

  close(): void {
    this.answer.destroy();
  }

  private read(chunk: string): void {
    const lines = (this.rest + chunk).split(/\r\n|\n|\r/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.take(line);
  }

  private take(line: string): void {
    if (line === '') return this.dispatch();
    if (line.startsWith(':')) return;
    const [, name = '', value = ''] = /^(id|event|data|retry): (.*)$/s.exec(line) ?? [];
    if (name === '' || this.fields.has(name)) this.strange.push(line);
    this.fields.set(name, value);
  }

  private dispatch(): void {
    const [id, data] = [this.fields.get('id'), this.fields.get('data')];
    if (id !== undefined) this.lastEventId = id;
    const type = this.fields.get('event') ?? '';
    if (data !== undefined) this.events.push({ id, type, data: JSON.parse(data) as LogEvent['data'] });
    this.fields = new Map();
  }
}
