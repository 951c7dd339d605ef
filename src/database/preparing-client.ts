import { Client, type ClientConfig, type QueryArrayConfig, type QueryConfig } from 'pg';
import { fieldOf } from '../common/field-of';
import { postgresCode } from './postgres-error';

/**
 * More statements than the program has, without those that begin with UNPREPARED. Beyond this number a connection sends statements
 * unnamed, so that a mistake cannot fill the server's memory.
 */
const MAX_STATEMENTS = 500;

/** A statement that begins with this is never prepared: for statements that requests build in too many variants. */
export const UNPREPARED = '/* unprepared */';

/** The SQLSTATE read_only_sql_transaction. */
const READ_ONLY = '25006';

/** TypeORM's words for the beginning and the ends of a transaction. */
const START = 'START TRANSACTION';
const COMMIT = 'COMMIT';
const ENDS: readonly string[] = [COMMIT, 'ROLLBACK'];

/** What PostgreSQL answers to these, for TypeORM. */
const answerTo = (command: string) => ({ command, rows: [], rowCount: null });

/** Nothing is written by what begins so. If it ran outside of the transaction that could not be started, nothing would be left of it. */
const READS = /^\s*SELECT\b/;

type Send = (...args: unknown[]) => unknown;

/**
 * A connection on which every statement with parameters is a named prepared one, unless it asks not to be. PostgreSQL then
 * parses and plans it once per connection instead of once per request, which is most of the cost of our short statements.
 * TypeORM cannot do that, but lets the pool use its own class of connections. Statements are constants of the program; values
 * are parameters.
 * Statements are sent without waiting for the answers to those before (`pipeline`; see `together`). The start of a transaction is
 * not waited for either: it goes out with the first statement, which it costs no round trip then.
 * A connection is closed when its server does not answer in time, or refuses writes as a standby does. After a failover the
 * pool then opens a new one, which leads to a server that accepts writes.
 */
export class PreparingClient extends Client {
  /** The names of the statements that it has prepared, by their texts. */
  private readonly names = new Map<string, string>();
  /** Whether a transaction was started of which the server does not know yet. */
  private isStarting = false;
  /** Whether what is sent is being collected. */
  private isCollecting = false;
  /** The start of a transaction that is not answered yet. */
  private opening: Promise<unknown> | null = null;
  /** The same, once a statement waits for it; those behind it then wait as well. */
  private gate: Promise<unknown> | null = null;

  constructor(config?: string | ClientConfig) {
    super(config);
    // The pool and TypeORM take turns in listening. An error between their turns would have no listener and end the process.
    this.on('error', () => undefined);
  }

  // The overloads of pg's own `query` cannot be repeated here; all calls arrive in this one.
  override query = ((config: string | QueryConfig | QueryArrayConfig, values?: unknown, ...rest: unknown[]): unknown => {
    const submit: Send = super.query.bind(this);
    const send = (): unknown => this.send(submit, config, values, rest);
    if (config === START) {
      this.isStarting = true;
      return Promise.resolve(answerTo('START'));
    }
    if (this.isStarting) {
      this.isStarting = false;
      const text = typeof config === 'string' ? config : '';
      return ENDS.includes(text) ? Promise.resolve(answerTo(text)) : this.sendFirst(submit, text, send);
    }
    return this.behindStart(config, send);
  }) as Client['query'];

  /** The start of a transaction and its first statement. Where there is no start the connection is not used again. */
  private sendFirst(submit: Send, text: string, send: () => unknown): unknown {
    const started = this.send(submit, START, undefined, []) as Promise<unknown>;
    started.catch(() => this.discard());
    const answered = (): void => {
      this.opening = null;
      this.gate = null;
    };
    this.opening = started;
    started.then(answered, answered);
    const first = this.behindStart(text, send);
    return Promise.all([started, first]).then(([, answer]) => answer);
  }

  /** Until the start is answered only what reads is sent. What writes waits, and all that is called after it, so that the order stays. */
  private behindStart(config: unknown, send: () => unknown): unknown {
    const reads = typeof config === 'string' && READS.test(config);
    if (this.opening && !reads) this.gate = this.opening;
    return this.gate ? this.gate.then(send) : send();
  }

  private send(submit: Send, config: string | QueryConfig | QueryArrayConfig, values: unknown, rest: readonly unknown[]): unknown {
    this.collect();
    const name = typeof config === 'string' && Array.isArray(values) && values.length > 0 ? this.nameOf(config) : undefined;
    const answer = name === undefined ? submit(config, values, ...rest) : submit({ name, text: config, values }, ...rest);
    if (!(answer instanceof Promise)) return answer;
    answer.catch((error: unknown) => this.endIfUseless(error));
    return config === COMMIT ? answer.then(requireCommitted) : answer;
  }

  private nameOf(text: string): string | undefined {
    if (text.startsWith(UNPREPARED)) return undefined;
    const known = this.names.get(text);
    if (known !== undefined) return known;
    if (this.names.size >= MAX_STATEMENTS) return undefined;
    const name = `s${this.names.size}`;
    this.names.set(text, name);
    return name;
  }

  /** What is sent within one turn goes to the socket with one system call, which is most of what a short statement costs here. */
  private collect(): void {
    if (this.isCollecting) return;
    const { stream } = this.connection;
    this.isCollecting = true;
    stream.cork();
    process.nextTick(() => {
      this.isCollecting = false;
      stream.uncork();
    });
  }

  private endIfUseless(error: unknown): void {
    const isSilent = error instanceof Error && error.message === 'Query read timeout';
    if (isSilent || postgresCode(error) === READ_ONLY) this.discard();
  }

  /** Ends the connection at once, whatever is under way on it. No pool takes it back. */
  discard(): void {
    this.end().catch(() => undefined);
    this.connection.stream.destroy();
  }
}

/** The server answers the commit of a transaction in which something has failed with ROLLBACK, and not with an error. */
function requireCommitted(answer: unknown): unknown {
  if (fieldOf(answer, 'command') === COMMIT) return answer;
  throw new Error('The transaction was rolled back, because a statement of it had failed');
}
