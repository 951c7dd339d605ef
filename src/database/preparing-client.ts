import { Client, type ClientConfig, type QueryArrayConfig, type QueryConfig } from 'pg';
import { postgresCode } from './postgres-error';

/**
 * More texts than the program has, those aside that begin with UNPREPARED; beyond it statements are sent unnamed, so a mistake
 * cannot fill the server's memory.
 */
const MAX_STATEMENTS = 500;

/** A text that begins with this is never prepared: for those that requests put together from many parts, in too many ways. */
export const UNPREPARED = '/* unprepared */';

/** read_only_sql_transaction */
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
 * A connection on which every statement with parameters is a named prepared one, unless it asks not to be: PostgreSQL parses
 * and plans it once per connection instead of once per request, which is most of the cost of our short statements. TypeORM
 * cannot ask for that itself, but lets the pool be given its class of connections. Texts are constants of the program; values
 * are parameters.
 * A connection whose server did not answer in time, or refuses writes as a standby does, is ended, so that the pool hands it to
 * nobody again: after a failover the next one leads to a server that can be written.
 */
export class PreparingClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    // Pool and TypeORM listen in turns; an error between the turns would have no listener and end the process.
    this.on('error', () => undefined);
  }

  // The overloads of pg's own `query` cannot be written down again; all of them arrive here.
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
