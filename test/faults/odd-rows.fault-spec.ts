import { aSpec, deployed, historyOf, settles, statusOf, UNKNOWN_ID } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('rows that nobody expects', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  const lives = async (): Promise<string> => {
    const id = await deployed(t, 'ada', aSpec());
    await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 2 }).expect(200);
    await until(async () => (await statusOf(t, 'ada', id)).replicas.filter(({ status }) => status === 'running').length === 2);
    await t.as('ada').delete(`/api/deployment/${id}?wait=10`).expect(200);
    expect(await settles(t, 'ada', id)).toMatchObject({ status: 'deleted' });
    return id;
  };

  describe('jobs that another version wrote, or somebody by hand', () => {
    const BAD: readonly (readonly [kind: string, key: string])[] = [
      ['deployment.reconcile', ''],
      ['deployment.reconcile', 'not-a-uuid'],
      ['deployment.reconcile', '{"id":null}'],
      ['node.sync', ''],
      ['node.sync', 'not-a-uuid'],
    ];
    const UNKNOWN: readonly (readonly [kind: string, key: string])[] = [
      ['', ''],
      ['from.the.future', 'all'],
    ];
    const ABOUT_NOTHING: readonly (readonly [kind: string, key: string])[] = [
      ['deployment.reconcile', UNKNOWN_ID],
      ['node.sync', UNKNOWN_ID],
    ];
    const left = (): Promise<{ kind: string; key: string; attempts: number; failing: boolean; words: string | null }[]> =>
      t.dataSource.query(
        `SELECT kind, key, attempts, failing_since IS NOT NULL AS failing, last_error AS words
           FROM jobs WHERE created_at < now() - interval '1 hour' ORDER BY kind, key`,
      );

    beforeAll(async () => {
      for (const [kind, key] of [...BAD, ...UNKNOWN, ...ABOUT_NOTHING]) {
        await t.dataSource.query(
          `INSERT INTO jobs (kind, key, due_at, created_at) VALUES ($1, $2, now() - interval '2 hours', now() - interval '2 hours')`,
          [kind, key],
        );
      }
      const triedTwice = async () => (await left()).filter(({ attempts }) => attempts > 1).length === BAD.length;
      await until(triedTwice, { timeoutMs: 20_000, what: 'the bad rows to be tried twice' });
    });

    afterAll(() => t.dataSource.query(`DELETE FROM jobs WHERE created_at < now() - interval '1 hour'`));

    it('keep nobody else from being looked after', async () => {
      await lives();
    });

    it('stay with the words of their failure when they cannot be read, and go when there is nothing to do', async () => {
      const rows = await left();
      expect(rows.map(({ kind, key }) => `${kind} ${key}`)).toEqual([...UNKNOWN, ...BAD].map(([kind, key]) => `${kind} ${key}`).sort());
      for (const { kind, key, failing, words } of rows) {
        const isUnknown = UNKNOWN.some((row) => row[0] === kind && row[1] === key);
        expect([kind, key, failing, words === null]).toEqual([kind, key, !isUnknown, isUnknown]);
      }
    });

    it('do not make a program unready that has no use for them', async () => {
      const { body } = await t.http.get('/health/ready').expect(200);
      expect(body).toMatchObject({ status: 'ready', checks: { jobs: { ok: true } } });
    });
  });

  describe('sequences that go on after 2^31', () => {
    /** All but TypeORM's own, of which a migration takes one. */
    const sequences = (): Promise<{ name: string; type: string }[]> =>
      t.dataSource.query(
        `SELECT sequencename AS name, data_type::text AS type FROM pg_sequences WHERE schemaname = 'public' AND sequencename <> 'migrations_id_seq' ORDER BY 1`,
      );

    it('are all wide enough', async () => {
      const all = await sequences();
      expect(all.length).toBeGreaterThan(1);
      expect(all.filter(({ type }) => type !== 'bigint')).toEqual([]);
    });

    it('change nothing, not even the order of the history', async () => {
      for (const { name } of await sequences()) await t.dataSource.query(`SELECT setval($1::regclass, 2147483645)`, [name]);
      const id = await lives();
      const steps = await historyOf(t, 'ada', id);
      expect(steps.map(({ new_status: status }) => status)).toEqual(['pending', 'scheduled', 'running', 'running', 'deleted']);
      const [row] = await t.dataSource.query<{ ids: number }[]>(
        `SELECT count(*)::int AS ids FROM deployment_status_history WHERE deployment_id = $1 AND id > 2147483647`,
        [id],
      );
      expect(row?.ids).toBeGreaterThan(0);
    });
  });
});
