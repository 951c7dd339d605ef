import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { SecretBox } from '../common/crypto/secret-box';
import { PubSub } from '../database/pub-sub';
import type { CallPart, OpenCall } from '../runtime/agent/agent-line';
import { AgentLines } from '../runtime/agent/agent-lines';
import type { CallKind } from '../runtime/agent/link-messages';
import { openArguments } from '../runtime/agent/sealed-call';
import { AGENT_TOPICS } from '../runtime/agent/topics';
import { DriverError } from '../runtime/runtime-driver';
import { Links } from './links';

const LOOK_MS = 2_000;
/** So long after its reader was heard of last, a call is over. */
const ABANDONED_AFTER_SECONDS = 60;

interface CallRow {
  readonly id: string;
  readonly nodeId: string;
  readonly call: CallKind;
  /** Sealed. */
  readonly arguments: string;
  readonly lines: number;
}

interface Served {
  readonly nodeId: string;
  readonly call: OpenCall;
  readonly over: AbortController;
  /** How many lines the agent has been asked for. */
  asked: number;
}

/** Passes on the questions of other processes to the agents whose links this one holds, and the answers back. */
@Injectable()
export class CallServer implements BeforeApplicationShutdown {
  private readonly logger = new Logger(CallServer.name);
  private readonly served = new Map<string, Served>();
  private readonly timer: NodeJS.Timeout;
  private readonly off: () => void;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly box: SecretBox,
    private readonly pubSub: PubSub,
    private readonly lines: AgentLines,
    private readonly links: Links,
  ) {
    this.timer = setInterval(() => void this.look(), LOOK_MS);
    this.off = pubSub.subscribe(AGENT_TOPICS.calls, (payload) => {
      const [nodeId = '', id = ''] = payload.split(' ');
      if (this.lines.of(nodeId)) void this.quietly(() => this.attend([id]));
    });
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
    this.off();
    for (const { over } of this.served.values()) over.abort();
  }

  /** For hints that were lost: calls that nobody has taken, and those that are served. */
  private async look(): Promise<void> {
    const nodeIds = this.lines.nodeIds;
    if (nodeIds.length === 0 && this.served.size === 0) return;
    await this.quietly(async () => {
      const rows = await this.dataSource.query<{ id: string }[]>(
        `SELECT id FROM agent_calls WHERE node_id = ANY($1::uuid[]) AND holder IS NULL`,
        [nodeIds],
      );
      await this.attend([...rows.map(({ id }) => id), ...this.served.keys()]);
    });
  }

  private async attend(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const known = ids.filter((id) => this.served.has(id));
    if (known.length > 0) await this.renew(known);
    const [taken] = await this.dataSource.query<[CallRow[], number]>(TAKE, [ids, this.links.holder, this.lines.nodeIds]);
    for (const row of taken) void this.serve(row);
  }

  /** Passes on how many lines the readers take, and ends the calls whose readers are gone. */
  private async renew(ids: readonly string[]): Promise<void> {
    const rows = await this.dataSource.query<{ id: string; lines: number }[]>(LINES, [ids, ABANDONED_AFTER_SECONDS]);
    const lines = new Map(rows.map((row) => [row.id, row.lines]));
    for (const id of ids) {
      const served = this.served.get(id);
      const wanted = lines.get(id);
      if (!served) continue;
      if (wanted === undefined) served.over.abort();
      else if (wanted > served.asked) {
        served.call.more(wanted - served.asked);
        served.asked = wanted;
      }
    }
    const gone = ids.filter((id) => !lines.has(id));
    if (gone.length > 0) await this.dataSource.query(`DELETE FROM agent_calls WHERE id = ANY($1::uuid[])`, [gone]);
  }

  private async serve({ id, nodeId, call: kind, arguments: sealed, lines }: CallRow): Promise<void> {
    const over = new AbortController();
    let number = 0;
    const pass = async (part: CallPart): Promise<void> => {
      number += 1;
      await this.dataSource.query(PASS, [id, number, JSON.stringify(part)]);
      this.pubSub.publish(AGENT_TOPICS.parts, id);
    };
    try {
      const line = this.lines.of(nodeId);
      if (!line) throw new DriverError('unreachable', 'The link of the agent has ended');
      const call = await line.open(kind, openArguments(this.box, id, sealed));
      try {
        this.served.set(id, { nodeId, call, over, asked: lines });
        if (lines > 0) call.more(lines);
        for (let isOver = false; !isOver;) {
          const part = await call.next(over.signal);
          await pass(part);
          isOver = part.type === 'end' || (part.type === 'answer' && kind !== 'follow');
        }
      } finally {
        call.close();
      }
    } catch (error) {
      if (over.signal.aborted) return;
      const { failure, message } =
        error instanceof DriverError ? error : new DriverError('unreachable', 'The answer could not be passed on');
      await this.quietly(() => pass({ type: 'end', error: { failure, message } }));
    } finally {
      this.served.delete(id);
    }
  }

  private async quietly(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.debug(`A question to an agent was not passed on: ${String(error)}`);
    }
  }
}

/** $1 calls, $2 holder, $3 the nodes whose links are here. */
const TAKE = `
  UPDATE agent_calls SET holder = $2 WHERE id = ANY($1::uuid[]) AND holder IS NULL AND node_id = ANY($3::uuid[])
  RETURNING id, node_id AS "nodeId", call, arguments, lines::float8 AS lines`;

/** $1 calls, $2 seconds. */
const LINES = `
  SELECT id, lines::float8 AS lines FROM agent_calls
   WHERE id = ANY($1::uuid[]) AND touched_at > clock_timestamp() - make_interval(secs => $2)`;

/** $1 call, $2 number, $3 part. A reader that is gone gets nothing. */
const PASS = `
  INSERT INTO agent_call_parts (call_id, number, part) SELECT id, $2, $3::jsonb FROM agent_calls WHERE id = $1`;
