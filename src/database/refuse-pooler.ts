import { Client } from 'pg';
import { connectionSettings } from './connection-settings';

const CONNECT_WITHIN_MS = 5_000;
/** Which connection asks. Whatever order a pooler lends its servers in, these cannot all get the answers that they should. */
const TURNS = [0, 0, 1, 0, 1, 1] as const;

/**
 * Throws in words when a pooler stands before the database that gives every transaction another server, such as PgBouncer
 * with `pool_mode = transaction`. Advisory locks, hints by LISTEN and prepared statements need a server for a whole
 * connection, which `pool_mode = session` gives. Also throws when the database cannot be reached.
 */
export async function refuseTransactionPooler(url: string): Promise<void> {
  const clients = [0, 1].map(() => new Client({ ...connectionSettings(url), connectionTimeoutMillis: CONNECT_WITHIN_MS }));
  try {
    for (const client of clients) {
      client.on('error', () => undefined);
      await client.connect();
    }
    const servers: [Set<number>, Set<number>] = [new Set(), new Set()];
    for (const turn of TURNS) servers[turn].add(await serverOf(clients[turn]));
    const [first, second] = servers;
    const isStable = first.size === 1 && second.size === 1 && ![...first].some((pid) => second.has(pid));
    if (!isStable) throw new Error(REFUSAL);
  } finally {
    for (const client of clients) client.end().catch(() => undefined);
  }
}

async function serverOf(client: Client | undefined): Promise<number> {
  const answer = await client?.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return answer?.rows[0]?.pid ?? 0;
}

const REFUSAL =
  'DATABASE_URL leads to a connection pooler in transaction (or statement) mode, such as PgBouncer with pool_mode = transaction. ' +
  'fog-compute needs one server for each connection: set pool_mode = session for this database, or go to PostgreSQL directly.';
