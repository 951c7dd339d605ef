import { Client, type ClientConfig, type QueryArrayConfig, type QueryConfig } from 'pg';
import { postgresCode } from './postgres-error';

/**
 * More statements than the program has, without those that begin with UNPREPARED. Beyond this number statements are sent
 * unnamed, so that a mistake cannot fill the server's memory.
 */
const MAX_STATEMENTS = 500;

/** A statement that begins with this is never prepared: for statements that requests build in too many variants. */
export const UNPREPARED = '/* unprepared */';

/** The SQLSTATE read_only_sql_transaction. */
const READ_ONLY = '25006';

const names = new Map<string, string>();

function nameOf(text: string): string | undefined {
  if (text.startsWith(UNPREPARED)) return undefined;
  const known = names.get(text);
  if (known !== undefined) return known;
  if (names.size >= MAX_STATEMENTS) return undefined;
  const name = `s${names.size}`;
  names.set(text, name);
  return name;
}

/**
 * A connection on which every statement with parameters is a named prepared one, unless it asks not to be. PostgreSQL then
 * parses and plans it once per connection instead of once per request, which is most of the cost of our short statements.
 * TypeORM cannot do that, but lets the pool use its own class of connections. Statements are constants of the program; values
 * are parameters.
 * A connection is closed when its server does not answer in time, or refuses writes as a standby does. After a failover the
 * pool then opens a new one, which leads to a server that accepts writes.
 */
export class PreparingClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    // The pool and TypeORM take turns in listening. An error between their turns would have no listener and end the process.
    this.on('error', () => undefined);
  }

  // The overloads of pg's own `query` cannot be repeated here; all calls arrive in this one.
  override query = ((config: string | QueryConfig | QueryArrayConfig, values?: unknown, ...rest: unknown[]): unknown => {
    const send = super.query.bind(this) as (...args: unknown[]) => unknown;
    const name = typeof config === 'string' && Array.isArray(values) && values.length > 0 ? nameOf(config) : undefined;
    const answer = name === undefined ? send(config, values, ...rest) : send({ name, text: config, values }, ...rest);
    if (answer instanceof Promise) answer.catch((error: unknown) => this.endIfUseless(error));
    return answer;
  }) as Client['query'];

  private endIfUseless(error: unknown): void {
    const isSilent = error instanceof Error && error.message === 'Query read timeout';
    if (isSilent || postgresCode(error) === READ_ONLY) this.end().catch(() => undefined);
  }
}
