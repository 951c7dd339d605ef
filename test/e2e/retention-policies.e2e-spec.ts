import { deployed, expectInvariants, ISO_TIME, UNKNOWN_ID, UUID } from '../support/deployments';
import { aDeletedDeployment } from '../support/purge';
import { aNode } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const PATH = '/api/admin/retention-policies';
const DAY_MS = 86_400_000;

describe('retention policies', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0', RETENTION_DAYS: '', LOG_LEVEL: 'silent' } });
    await t.token('root', { admin: true });
  });
  afterEach(async () => {
    await t.dataSource.query(`DELETE FROM retention_policies`);
    await expectInvariants(t.dataSource);
  });
  afterAll(() => t?.close());

  const root = (): ReturnType<TestApp['as']> => t.as('root', { admin: true });
  const list = async (): Promise<{ default_days: number; policies: Record<string, unknown>[] }> =>
    (await root().get(PATH).expect(200)).body as never;
  const policy = async (selector: string, value: string, days: number): Promise<string> =>
    (await root().post(PATH).send({ selector, value, days }).expect(201)).body.id as string;
  /** How many days a new deployment with these labels is kept from its deletion. */
  const daysAfterDelete = async (labels: Record<string, string>): Promise<number> => {
    const id = await deployed(t, 'ada', { labels });
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    const [row] = await t.dataSource.query<{ deleted_at: Date; purge_at: Date }[]>(
      `SELECT deleted_at, purge_at FROM deployments WHERE id = $1`,
      [id],
    );
    return (row!.purge_at.getTime() - row!.deleted_at.getTime()) / DAY_MS;
  };
  const purgeAt = async (id: string): Promise<Date> =>
    (await t.dataSource.query<{ purge_at: Date }[]>(`SELECT purge_at FROM deployments WHERE id = $1`, [id]))[0]!.purge_at;
  const lockWaiters = async (): Promise<number> => {
    const [row] = await t.dataSource.query<{ count: number }[]>(
      `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return row!.count;
  };
  const audits = (): Promise<{ before: unknown; after: unknown }[]> =>
    t.dataSource.query(`SELECT before, after FROM audit_log WHERE action = 'retention.change' AND outcome = 'done' ORDER BY id`);

  it('show the default where nothing is set: blank is thirty days', async () => {
    expect(await list()).toEqual({ default_days: 30, policies: [] });
    expect(await daysAfterDelete({})).toBe(30);
  });

  it('are made, listed, changed and removed, each with an audit row', async () => {
    const before = (await audits()).length;
    const { body, headers } = await root().post(PATH).send({ selector: 'label', value: 'team=edge', days: 90 }).expect(201);
    expect(headers.location).toBe(PATH);
    expect(body).toMatchObject({
      dry_run: false,
      id: expect.stringMatching(UUID),
      selector: 'label',
      value: 'team=edge',
      days: 90,
      previous_days: null,
    });
    expect((await list()).policies).toEqual([
      {
        ...{ id: body.id, selector: 'label', value: 'team=edge', days: 90, changed_by: await t.userId('root') },
        ...{ created_at: expect.stringMatching(ISO_TIME), updated_at: expect.stringMatching(ISO_TIME) },
      },
    ]);
    expect((await root().patch(`${PATH}/${body.id}`).send({ days: 60 }).expect(200)).body).toMatchObject({ days: 60, previous_days: 90 });
    expect((await root().delete(`${PATH}/${body.id}`).expect(200)).body).toMatchObject({ id: null, days: null, previous_days: 60 });
    expect((await list()).policies).toEqual([]);
    const selected = { selector: 'label', value: 'team=edge' };
    expect((await audits()).slice(before)).toEqual([
      { before: { ...selected, days: null }, after: { ...selected, days: 90, purge_times_moved: 0 } },
      { before: { ...selected, days: 90 }, after: { ...selected, days: 60, purge_times_moved: 0 } },
      { before: { ...selected, days: 60 }, after: { ...selected, days: null, purge_times_moved: 0 } },
    ]);
  });

  it('decide later deletions: the label before the user before the type', async () => {
    await policy('type', 'compute', 10);
    expect(await daysAfterDelete({ team: 'edge' })).toBe(10);
    await policy('user', await t.userId('ada'), 20);
    expect(await daysAfterDelete({ team: 'edge' })).toBe(20);
    await policy('label', 'team=edge', 5);
    await policy('label', 'tier=gold', 7);
    expect(await daysAfterDelete({ team: 'edge' })).toBe(5);
    expect(await daysAfterDelete({ team: 'edge', tier: 'gold' })).toBe(7);
  });

  it.each([['', '30', null, 0, -1, 0.001, 1.5, 36_501, 1e9, true, [], {}]].flat())(
    'refuse %j days, and never read it as now',
    async (days) => {
      const body = { selector: 'type', value: 'compute', days };
      expect((await root().post(PATH).send(body).expect(422)).body).toMatchObject({
        code: 'validation_failed',
        errors: [{ pointer: '/days' }],
      });
      const id = await policy('type', 'storage', 3);
      await root().patch(`${PATH}/${id}`).send({ days }).expect(422);
      expect((await list()).policies).toMatchObject([{ value: 'storage', days: 3 }]);
    },
  );

  it('refuse a missing number of days, an unknown member and an unknown selector', async () => {
    await root().post(PATH).send({ selector: 'type', value: 'compute' }).expect(422);
    await root().post(PATH).send({ selector: 'type', value: 'compute', days: 5, purge_at: 'now' }).expect(422);
    await root().post(PATH).send({ selector: 'name', value: 'compute', days: 5 }).expect(422);
    expect((await list()).policies).toEqual([]);
  });

  it('choose by what exists: a label with key and value, a type, the id of a user and of nothing else', async () => {
    const wrong = [
      ['label', 'team'],
      ['type', 'computer'],
      ['user', 'ada'],
      ['user', UNKNOWN_ID],
      ['user', await aNode(t.dataSource)],
    ] as const;
    for (const [selector, value] of wrong) {
      const { body } = await root().post(PATH).send({ selector, value, days: 5 });
      expect([value, body.code, body.errors?.[0]?.pointer]).toEqual([value, 'validation_failed', '/value']);
    }
  });

  it('are unique by what they choose, also when two are made at once', async () => {
    const body = { selector: 'label', value: 'team=edge', days: 9 };
    const answers = await Promise.all(Array.from({ length: 5 }, () => root().post(PATH).send(body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
    expect((await root().post(`${PATH}?dry_run=true`).send(body).expect(409)).body.code).toBe('already_exists');
  });

  it('are for administrators only, and 404 for ids that are none', async () => {
    await t.as('ada').get(PATH).expect(403);
    await t.as('ada').post(PATH).send({ selector: 'type', value: 'compute', days: 5 }).expect(403);
    for (const id of [UNKNOWN_ID, 'not-an-id', await t.userId('ada')]) {
      await root().patch(`${PATH}/${id}`).send({ days: 5 }).expect(404);
      await root().delete(`${PATH}/${id}`).expect(404);
    }
  });

  describe('and what is deleted already', () => {
    const now = (): number => Date.now();
    const deletedOf = async (team: string, over: Parameters<typeof aDeletedDeployment>[2] = {}): Promise<string> =>
      aDeletedDeployment(t.dataSource, await t.userId('ada'), {
        ...{ deletedDaysAgo: 10, dueSecondsAgo: -20 * 86_400 },
        ...over,
        values: { labels: { team } },
      });

    it('stays as it was frozen, unless the change is applied to it', async () => {
      const id = await deletedOf('one');
      const frozen = await purgeAt(id);
      const { body } = await root().post(PATH).send({ selector: 'label', value: 'team=one', days: 1 }).expect(201);
      expect(body).toMatchObject({ deleted_deployments: 1, purged_sooner: { count: 0, deployment_ids: [] }, earliest_purge_at: null });
      expect(await purgeAt(id)).toEqual(frozen);
    });

    it('previews what would move, and writes nothing', async () => {
      const id = await deletedOf('two');
      const frozen = await purgeAt(id);
      const wish = { selector: 'label', value: 'team=two', days: 2, apply_to_deleted: true };
      const { body } = await root().post(`${PATH}?dry_run=true`).send(wish).expect(200);
      expect(body).toMatchObject({
        ...{ dry_run: true, id: null, live_deployments: 0, deleted_deployments: 1 },
        ...{ purged_later: { count: 0 }, purged_sooner: { count: 1, deployment_ids: [id] } },
        ...{ purged_after_notice: { count: 1, deployment_ids: [id] }, earliest_purge_at: expect.stringMatching(ISO_TIME) },
      });
      expect(await purgeAt(id)).toEqual(frozen);
      expect((await list()).policies).toEqual([]);
    });

    it('goes no sooner than a day after the change, and later as the policy says', async () => {
      const id = await deletedOf('three');
      const other = await deletedOf('another');
      const [frozen, ofOther] = [await purgeAt(id), await purgeAt(other)];
      const started = now();
      const { body } = await root()
        .post(PATH)
        .send({ selector: 'label', value: 'team=three', days: 1, apply_to_deleted: true })
        .expect(201);
      expect(body.purged_sooner).toEqual({ count: 1, deployment_ids: [id] });
      const sooner = await purgeAt(id);
      expect(sooner.getTime()).toBeGreaterThan(started + DAY_MS - 5_000);
      expect(sooner.getTime()).toBeLessThan(frozen.getTime());
      const words = await t.dataSource.query(`SELECT retention_policy FROM deletions WHERE deployment_id = $1`, [id]);
      expect(words).toEqual([{ retention_policy: '1 day, by the policy for label team=three' }]);

      const change = await root().patch(`${PATH}/${body.id}`).send({ days: 100, apply_to_deleted: true }).expect(200);
      expect(change.body.purged_later).toEqual({ count: 1, deployment_ids: [id] });
      expect(Math.round(((await purgeAt(id)).getTime() - started) / DAY_MS)).toBe(90);

      await root().delete(`${PATH}/${body.id}?apply_to_deleted=true`).expect(200);
      expect(Math.round(((await purgeAt(id)).getTime() - started) / DAY_MS)).toBe(20);
      expect(await purgeAt(other)).toEqual(ofOther);
    });

    it('follows the stronger of two policies that are made at once: the weaker one once brought its purge near', async () => {
      const id = await deletedOf('four');
      const holder = t.dataSource.createQueryRunner();
      await holder.startTransaction();
      await holder.query(`SELECT 1 FROM deployments WHERE id = $1 FOR UPDATE`, [id]);
      const make = (selector: string, value: string, days: number): Promise<{ status: number }> =>
        root().post(PATH).send({ selector, value, days, apply_to_deleted: true }).then();
      const waiting = (count: number): Promise<unknown> =>
        until(async () => (await lockWaiters()) === count, { what: `${count} changes to wait` });
      const strong = make('label', 'team=four', 365);
      await waiting(1);
      const weak = make('type', 'compute', 1);
      await waiting(2);
      await holder.rollbackTransaction();
      await holder.release();
      expect([(await strong).status, (await weak).status]).toEqual([201, 201]);
      expect(Math.round(((await purgeAt(id)).getTime() - now()) / DAY_MS)).toBe(355);
    });
  });

  it('are at most a thousand, also when several are made at once', async () => {
    await t.dataSource.query(
      `INSERT INTO retention_policies (selector, value, days, changed_by)
       SELECT 'label', 'n=' || n, 5, $1 FROM generate_series(1, 998) AS n`,
      [await t.userId('root')],
    );
    const make = (n: number): PromiseLike<{ status: number }> =>
      root()
        .post(PATH)
        .send({ selector: 'label', value: `more=${n}`, days: 5 });
    const answers = await Promise.all([1, 2, 3, 4, 5].map(make));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409]);
    const wish = { selector: 'label', value: 'more=6', days: 5 };
    expect((await root().post(`${PATH}?dry_run=true`).send(wish).expect(409)).body.code).toBe('conflict');
  });
});
