import { PURGED_TABLES } from '../../src/retention/purge-tables';
import { deploy, expectGone, reaches } from '../support/deployments';
import { letRetentionPass } from '../support/purge';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

/** What the records of one deployment weigh beside its specs: replicas, placements, history, rollouts. */
const RECORDS_BYTES = 60_000;

const [ENV_CANARY, OUTPUT_CANARY, COMMAND_CANARY] = ['canary-of-the-env', 'canary-of-the-output', 'canary-of-the-command'];

describe('what is stored of a deleted deployment', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0' } });
  });
  afterAll(() => t?.close());

  /** Bytes of all rows of a deployment. */
  async function bytesOf(id: string): Promise<number> {
    const sums = PURGED_TABLES.map(
      ({ table, column }) => `(SELECT coalesce(sum(octet_length(x::text)), 0)::int FROM ${table} AS x WHERE x.${column} = $1)`,
    );
    const [row] = await t.dataSource.query<[{ bytes: number }]>(`SELECT ${sums.join(' + ')} AS bytes`, [id]);
    return row.bytes;
  }

  const countedFor = async (user: string): Promise<{ stored_bytes: number; kept_deployments: number }> => {
    const { body } = await t
      .as(user)
      .get(`/api/projects/${await t.userId(user)}`)
      .expect(200);
    const { stored_bytes, kept_deployments } = body.quota as Record<'stored_bytes' | 'kept_deployments', { used: number }>;
    return { stored_bytes: stored_bytes.used, kept_deployments: kept_deployments.used };
  };

  /** The tables in which a text is stored. Bytes are looked through, too. */
  async function tablesWith(text: string): Promise<string[]> {
    const tables = await t.dataSource.query<{ name: string }[]>(
      `SELECT quote_ident(table_name) AS name FROM information_schema.tables
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const hits = await t.dataSource.query<unknown[]>(
        `SELECT 1 FROM ${name} AS x WHERE x::text LIKE '%' || $1 || '%' OR x::text LIKE '%' || encode($1::bytea, 'hex') || '%' LIMIT 1`,
        [text],
      );
      if (hits.length > 0) found.push(name);
    }
    return found;
  }

  const keptLogs = (id: string): Promise<unknown[]> => t.dataSource.query(`SELECT 1 FROM kept_logs WHERE deployment_id = $1`, [id]);

  /** A deployment whose replicas fail again and again with much output. */
  async function crashing(user: string, restart = 'always'): Promise<string> {
    const id = await deploy(t, user, {
      restart,
      command: ['sh', `${COMMAND_CANARY}-of-${user}`],
      env: {
        ...{ CANARY: `${ENV_CANARY}-of-${user}`, BALLAST: 'x'.repeat(4_000) },
        ...{ SIMULATED_EXIT_AFTER_MS: '50', SIMULATED_EXIT_CODE: '3', SIMULATED_LOG: `${OUTPUT_CANARY}-of-${user}\n`.repeat(400) },
      },
    });
    await until(async () => (await keptLogs(id)).length > 0, { what: 'output to be kept' });
    return id;
  }

  it.each([
    [
      'that is torn down',
      'always',
      async (id: string) => {
        await t.as('ada').delete(`/api/deployment/${id}?wait=20`).expect(200);
      },
    ],
    [
      'that had ended before, of which nothing was left to tear down',
      'never',
      async (id: string) => {
        await reaches(t, 'ada', id, 'stopped');
        await expectGone(t.dataSource, id);
        await t.as('ada').delete(`/api/deployment/${id}?wait=20`).expect(200);
      },
    ],
  ])(
    '%s is what a restore needs, and no output',
    async (_what, restart, end) => {
      const id = await crashing('ada', restart);
      await end(id);
      await expectGone(t.dataSource, id);
      expect(await keptLogs(id)).toEqual([]);
      const explained = await t.dataSource.query<{ placed: number; nodes: number }[]>(
        `SELECT DISTINCT (explanation->'placed')::int AS placed,
                (SELECT count(*)::int FROM nodes WHERE strpos(explanation::text, name) > 0) AS nodes
           FROM placements WHERE deployment_id = $1`,
        [id],
      );
      expect(explained).toEqual([{ placed: 1, nodes: 0 }]);
      await t.as('ada').post(`/api/deployment/${id}/restore`).expect(202);
      await t.as('ada').delete(`/api/deployment/${id}?wait=20`).expect(200);
    },
    120_000,
  );

  it('is counted for its owner and for nobody else, however often it was changed, and the rest is small', async () => {
    const others = await countedFor('bob');
    const id = await deploy(t, 'cat', { env: { CANARY: ENV_CANARY, BALLAST: 'x'.repeat(4_000) } });
    await reaches(t, 'cat', id, 'running');
    for (let n = 0; n < 25; n++) {
      const change = { env: { BALLAST: String(n % 10).repeat(4_000) }, rollout: { min_healthy_seconds: 0 } };
      await t.as('cat').patch(`/api/deployment/${id}`).send(change).expect(202);
    }
    await t.as('cat').delete(`/api/deployment/${id}?wait=20`).expect(200);
    await expectGone(t.dataSource, id);
    const { stored_bytes: counted, kept_deployments: kept } = await countedFor('cat');
    expect(kept).toBe(1);
    expect(counted).toBeGreaterThan(4_000);
    // Encrypted bytes are twice as long as text.
    expect(await bytesOf(id)).toBeLessThan(2 * counted + RECORDS_BYTES);
    expect(await countedFor('bob')).toEqual(others);
  });

  it('goes with the purge: no spec, no output, no env, in no table, and nothing counts any more', async () => {
    const id = await crashing('eve');
    const { body } = await t
      .as('eve')
      .post('/api/deployment/bulk-delete')
      .send({ ids: [id], wait: 20 })
      .expect(200);
    await until(async () => (await t.as('eve').get(`/api/operations/${String(body.operation_id)}`)).body.status === 'completed', {
      what: 'the bulk delete to end',
    });
    await expectGone(t.dataSource, id);
    expect((await countedFor('eve')).stored_bytes).toBeGreaterThan(4_000);
    await letRetentionPass(t.dataSource, id);
    await t.as('root', { admin: true }).delete(`/api/admin/deployment/${id}`).expect(200);
    expect(await bytesOf(id)).toBe(0);
    expect(await countedFor('eve')).toEqual({ stored_bytes: 0, kept_deployments: 0 });
    for (const canary of [ENV_CANARY, OUTPUT_CANARY, COMMAND_CANARY]) {
      expect((await tablesWith(`${canary}-of-eve`)).filter((table) => !table.startsWith('simulated_'))).toEqual([]);
    }
  });
});
