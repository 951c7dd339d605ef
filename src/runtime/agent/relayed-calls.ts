import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { SecretBox } from '../../common/crypto/secret-box';
import type { PubSub } from '../../database/pub-sub';
import { throwIfAborted } from '../abort';
import { DriverError } from '../runtime-driver';
import type { AgentHints } from './agent-hints';
import type { AgentLine, CallPart, OpenCall } from './agent-line';
import type { CallArguments, CallKind } from './link-messages';
import { sealArguments } from './sealed-call';
import { AGENT_TOPICS } from './topics';

/** So many questions to one agent may be under way through the database. */
const MOST_CALLS = 32;
const LOOK_MS = 1_000;
/** The process with the link tells a question apart from one that nobody waits for any more by this. */
const TOUCH_EVERY_MS = 15_000;

interface Parts {
  readonly dataSource: DataSource;
  readonly box: SecretBox;
  readonly pubSub: PubSub;
  readonly hints: AgentHints;
}

/** Asks agents whose links other processes hold: a row for the question, and rows for the parts of its answer. */
export class RelayedCalls {
  constructor(private readonly parts: Parts) {}

  to(nodeId: string): AgentLine {
    return { open: (kind, asked) => this.open(nodeId, kind, asked) };
  }

  private async open<K extends CallKind>(nodeId: string, kind: K, asked: CallArguments[K]): Promise<OpenCall> {
    const { dataSource, box, pubSub } = this.parts;
    const id = randomUUID();
    const rows = await dataSource.query<unknown[]>(ASK, [id, nodeId, kind, JSON.stringify(sealArguments(box, id, asked)), MOST_CALLS]);
    if (rows.length === 0) throw new DriverError('unreachable', 'The agent of this node is asked too much at once; try again');
    pubSub.publish(AGENT_TOPICS.calls, `${nodeId} ${id}`);
    return new RelayedCall(this.parts, nodeId, id);
  }
}

/** One question that another process passes on. */
class RelayedCall implements OpenCall {
  private readonly waiting: { number: number; part: CallPart }[] = [];
  private readonly hint: ReturnType<AgentHints['listen']>;
  private wanted = 1;
  private touchedAt = performance.now();
  private closed = false;

  constructor(
    private readonly parts: Parts,
    private readonly nodeId: string,
    private readonly id: string,
  ) {
    this.hint = parts.hints.listen(id);
  }

  async next(signal: AbortSignal): Promise<CallPart> {
    for (;;) {
      throwIfAborted(signal);
      const [first] = this.waiting;
      if (first?.number === this.wanted) {
        this.waiting.shift();
        this.wanted += 1;
        return first.part;
      }
      await this.read();
      if (this.waiting.length === 0) await this.hint.next(LOOK_MS, signal);
    }
  }

  more(lines: number): void {
    void this.tell(`UPDATE agent_calls SET lines = lines + $2, touched_at = clock_timestamp() WHERE id = $1`, lines);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.hint.end();
    void this.tell(`DELETE FROM agent_calls WHERE id = $1`);
  }

  private async read(): Promise<void> {
    const { dataSource } = this.parts;
    const isOld = performance.now() - this.touchedAt > TOUCH_EVERY_MS;
    if (isOld) this.touchedAt = performance.now();
    const [row] = await dataSource.query<{ exists: boolean; parts: { number: number; part: CallPart }[] }[]>(TAKE, [this.id, isOld]);
    this.waiting.push(...(row?.parts ?? []));
    this.waiting.sort((a, b) => a.number - b.number);
    if (row?.exists !== true && this.waiting.length === 0) throw new DriverError('unreachable', 'The link of this agent has ended');
  }

  /** What the database does not take now is made good for by the process with the link: it ends calls that nobody touches. */
  private async tell(statement: string, ...parameters: readonly unknown[]): Promise<void> {
    try {
      await this.parts.dataSource.query(statement, [this.id, ...parameters]);
      this.parts.pubSub.publish(AGENT_TOPICS.calls, `${this.nodeId} ${this.id}`);
    } catch {
      // See above.
    }
  }
}

/** $1 call, $2 node, $3 kind, $4 sealed arguments, $5 how many calls there may be. */
const ASK = `
  INSERT INTO agent_calls (id, node_id, call, arguments)
  SELECT $1, $2, $3, $4::jsonb
   WHERE (SELECT count(*) FROM agent_calls WHERE node_id = $2 AND touched_at > clock_timestamp() - interval '1 minute') < $5
  RETURNING id`;

/** $1 call, $2 whether to show that somebody still waits. Takes the parts that are there. */
const TAKE = `
  WITH touched AS (UPDATE agent_calls SET touched_at = clock_timestamp() WHERE id = $1 AND $2::boolean),
  taken AS (DELETE FROM agent_call_parts WHERE call_id = $1 RETURNING number, part)
  SELECT EXISTS (SELECT 1 FROM agent_calls WHERE id = $1) AS exists,
         (SELECT coalesce(json_agg(json_build_object('number', number, 'part', part) ORDER BY number), '[]')
            FROM taken) AS parts`;
