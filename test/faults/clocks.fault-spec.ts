import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { Installation } from '../support/installation';
import { adminOf, type ProcessUnderTest } from '../support/process-under-test';
import { until } from '../support/until';

const MINUTES = 60_000;
const PRELOAD = join(__dirname, '../support/fault-clock.cjs');

const MONTH_SECONDS = 2_592_000;
/** Columns with times in the future, and by how many seconds at most. */
const AHEAD: Readonly<Record<string, number>> = {
  due_at: 120,
  expires_at: MONTH_SECONDS,
  give_up_at: MONTH_SECONDS,
  gone_at: 60,
  lease_until: 120,
  locked_until: 3_600,
  next_attempt_at: 120,
  purge_at: MONTH_SECONDS,
  ready_at: 60,
  stop_retry_at: 120,
};
/** The test's own slack: the database's clock is read before and after. */
const SLACK_SECONDS = 2;

interface Wrong {
  readonly place: string;
  readonly value: string;
}

describe('hosts whose clocks are ten minutes ahead of the database, and ten minutes behind it', () => {
  let installation: Installation;
  let dataSource: DataSource;
  let ahead: ProcessUnderTest;
  let behind: ProcessUnderTest;
  let early: Client;
  let late: Client;
  let begun: string;

  const now = async (): Promise<string> => {
    const [row] = await dataSource.query<[{ now: string }]>(`SELECT clock_timestamp()::text AS now`);
    return row.now;
  };

  /** Every time in the database that was not written by its own clock while the test ran. */
  async function wrongTimes(): Promise<Wrong[]> {
    const columns = await dataSource.query<{ table: string; column: string }[]>(
      `SELECT c.table_name AS table, c.column_name AS column
         FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_schema, table_name)
        WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type LIKE 'timestamp%' ORDER BY 1, 2`,
    );
    expect(columns.length).toBeGreaterThan(20);
    const wrong: Wrong[] = [];
    for (const { table, column } of columns) {
      const place = `${table}.${column}`;
      const rows = await dataSource.query<{ value: string }[]>(
        `SELECT ${column}::text AS value FROM ${table}
          WHERE ${column} < $1::timestamptz - $2 * interval '1 s' OR ${column} > clock_timestamp() + ($2 + $3) * interval '1 s'`,
        [begun, SLACK_SECONDS, AHEAD[column] ?? 0],
      );
      wrong.push(...rows.map(({ value }) => ({ place, value })));
    }
    return wrong;
  }

  beforeAll(async () => {
    installation = await Installation.create();
    ({ dataSource } = installation);
    begun = await now();
    const env = { NODE_OPTIONS: `--require ${PRELOAD}` };
    ahead = await installation.start({ ...env, CLOCK_SHIFT_MS: String(10 * MINUTES) });
    behind = await installation.start({ ...env, CLOCK_SHIFT_MS: String(-10 * MINUTES) });
    [early, late] = [await adminOf(ahead), await adminOf(behind)];
  });

  afterAll(() => installation?.close());

  it('really are wrong: each sees its own time in the tokens that it issues', async () => {
    const issuedAt = async ({ url }: ProcessUnderTest): Promise<number> => {
      const answer = await fetch(`${url}/api/auth/login`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ username: 'admin', password: 'Correct-Horse-7' }),
      });
      const { access_token: token } = (await answer.json()) as { access_token: string };
      const { iat } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { iat: number };
      return iat * 1_000 - Date.now();
    };
    expect(Math.abs((await issuedAt(ahead)) - 10 * MINUTES)).toBeLessThan(30_000);
    expect(Math.abs((await issuedAt(behind)) + 10 * MINUTES)).toBeLessThan(30_000);
  });

  it('deploy, scale and delete as ever, whoever of them does the work', async () => {
    for (const [n, client] of [early, late, early, late].entries()) {
      const id = await deploy(client, `clock-${n}`, { replicas: 2 });
      await untilHealthy(client, id);
      expect((await client.post(`/api/deployment/scale/${id}`, { replicas: 3 })).status).toBe(200);
      expect(inStatus(await untilHealthy(client, id), 'running')).toHaveLength(3);
      if (n < 2) continue;
      expect(await remove(client, id)).toMatchObject({ status: 200, body: { resources_released: true } });
      expect(await untilNoWork(client, id)).toMatchObject({ status: 'deleted' });
    }
  });

  it('write every time by the clock of the database', async () => {
    // This one is that of the migration until the program has been there for ten seconds.
    const isWritten = async (): Promise<boolean> =>
      (await dataSource.query<unknown[]>(`SELECT 1 FROM router_watch WHERE sound_at > $1`, [begun])).length === 1;
    await until(isWritten, { timeoutMs: 30_000, what: 'the routers to be watched' });
    expect(await wrongTimes()).toEqual([]);
  });

  it('take no node for silent and no job for abandoned', async () => {
    for (const client of [early, late]) {
      const { body } = await client.get('/api/nodes');
      expect((body as { status: string }[]).map(({ status }) => status)).toEqual(['active', 'active', 'active']);
      expect((await client.get('/health/ready')).status).toBe(200);
    }
    const moved = await dataSource.query<unknown[]>(`SELECT 1 FROM deployment_replicas WHERE attempt > 0`);
    expect(moved).toEqual([]);
  });

  it('believe each other no token that comes from their future, and keep their own until it expires', async () => {
    expect((await early.at(behind.url).get('/api/auth/me')).status).toBe(401);
    expect((await early.get('/api/auth/me')).status).toBe(200);
    expect((await late.get('/api/auth/me')).status).toBe(200);
  });

  it('keep every invariant', async () => {
    expect(await checkInvariants(dataSource, { graceSeconds: 15 })).toEqual([]);
  });
});

describe('hosts whose clocks differ by half a minute', () => {
  it('accept each other’s tokens', async () => {
    const installation = await Installation.create();
    const env = { ROLE: 'api', NODE_OPTIONS: `--require ${PRELOAD}` };
    try {
      const hosts = await Promise.all([-15_000, 15_000].map((shift) => installation.start({ ...env, CLOCK_SHIFT_MS: String(shift) })));
      for (const [one, other] of [hosts, [...hosts].reverse()] as [ProcessUnderTest, ProcessUnderTest][]) {
        expect((await (await adminOf(one)).at(other.url).get('/api/auth/me')).status).toBe(200);
      }
    } finally {
      await installation.close();
    }
  });
});
