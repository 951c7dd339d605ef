import { deploy, deployed, expectGone, historyOf, recordRows, statusOf, UNKNOWN_ID } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const bulk = '/api/deployment/bulk-delete';

interface Operation {
  operation_id: string;
  status: string;
  reason: string | null;
  total: number;
  pending: number;
  deleted: number;
  refused: number;
  cancelled: number;
  torn_down: number;
  items: {
    deployment_id: string;
    name: string | null;
    state: string;
    code: string | null;
    deleted_at: string | null;
    purge_at: string | null;
  }[];
}

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ env: { STOP_GRACE_SECONDS: '1', BULK_DELETE_MAX_SHARE_PERCENT: '100' } });
  t.as('root', { admin: true });
});
afterAll(() => t?.close());

const several = (user: string, count: number, over: Record<string, unknown> = {}): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, () => deployed(t, user, over)));
const operation = async (user: string, id: string): Promise<Operation> =>
  (await t.as(user).get(`/api/operations/${id}`).expect(200)).body as Operation;
const eventually = (user: string, id: string, good: (now: Operation) => boolean): Promise<Operation> =>
  until(
    async () => {
      const now = await operation(user, id);
      return good(now) ? now : null;
    },
    { what: `operation ${id}` },
  );

describe('POST /api/deployment/bulk-delete', () => {
  it('deletes the named deployments and gives each a result of its own', async () => {
    const [mine, gone] = (await several('ada', 2)) as [string, string];
    const foreign = await deployed(t, 'eve');
    await t.as('ada').delete(`/api/deployment/${gone}`).expect(200);

    const { body, headers } = await t
      .as('ada')
      .post(bulk)
      .send({ ids: [mine.toUpperCase(), mine, foreign, gone, UNKNOWN_ID] })
      .expect(200);

    expect(body).toMatchObject({ status: 'completed', total: 4, pending: 0, deleted: 1, refused: 3, cancelled: 0, all_or_nothing: false });
    expect((body as Operation).items.map(({ deployment_id, state, code, name }) => [deployment_id, state, code, name === null])).toEqual([
      [mine, 'deleted', null, false],
      [foreign, 'refused', 'not_found', true],
      [gone, 'refused', 'already_deleted', true],
      [UNKNOWN_ID, 'refused', 'not_found', true],
    ]);
    expect(headers.location).toBe(`/api/operations/${(body as Operation).operation_id}`);
    expect((await historyOf(t, 'ada', mine)).at(-1)).toMatchObject({ new_status: 'deleted', changed_by: await t.userId('ada') });
    expect(await statusOf(t, 'eve', foreign)).toMatchObject({ status: 'running' });
    await expectGone(t.dataSource, mine);
    await eventually('ada', (body as Operation).operation_id, (now) => now.torn_down === 1);
  });

  it('says the same of a foreign deployment as of one that does not exist', async () => {
    const foreign = await deployed(t, 'eve');
    const { body } = await t
      .as('mallory')
      .post(bulk)
      .send({ ids: [foreign, UNKNOWN_ID] })
      .expect(200);
    const [a, b] = (body as Operation).items;
    expect({ ...a, deployment_id: '' }).toEqual({ ...b, deployment_id: '' });
  });

  it('finds deployments by the filters of the list and by labels, and only those of the caller', async () => {
    const [kept] = await several('flo', 1, { labels: { team: 'a', tier: 'web' } });
    const hit = await several('flo', 2, { labels: { team: 'b', tier: 'web' } });
    const foreign = await deployed(t, 'eve', { labels: { team: 'b' } });
    const { body } = await t
      .as('flo')
      .post(bulk)
      .send({ filter: { labels: { team: 'b' }, status: 'running' } })
      .expect(200);
    expect((body as Operation).items.map((item) => item.deployment_id).sort()).toEqual([...hit].sort());
    expect((await statusOf(t, 'flo', kept!)).status).toBe('running');
    expect((await statusOf(t, 'eve', foreign)).status).toBe('running');
  });

  it('passes the options of a single delete on', async () => {
    const [id] = await several('opt', 1);
    await t
      .as('opt')
      .post(bulk)
      .send({ ids: [id], grace_seconds: 7 })
      .expect(200);
    const rows = await t.dataSource.query<object[]>(
      `SELECT grace_seconds, force, operation_id IS NOT NULL AS bulk FROM deletions WHERE deployment_id = $1`,
      [id],
    );
    expect(rows).toEqual([{ grace_seconds: 7, force: false, bulk: true }]);
  });

  it('gives no grace to force, as a single delete does', async () => {
    const [id] = await several('opt', 1);
    await t
      .as('opt')
      .post(bulk)
      .send({ ids: [id], force: true })
      .expect(200);
    const rows = await t.dataSource.query<object[]>(`SELECT grace_seconds, force FROM deletions WHERE deployment_id = $1`, [id]);
    expect(rows).toEqual([{ grace_seconds: 0, force: true }]);
  });

  it('deletes nothing with all_or_nothing when one is refused', async () => {
    const ids = await several('all', 3);
    const before = await recordRows(t.dataSource);
    const { body } = await t
      .as('all')
      .post(bulk)
      .send({ ids: [...ids, UNKNOWN_ID], all_or_nothing: true })
      .expect(200);
    expect(body).toMatchObject({ status: 'failed', deleted: 0, refused: 1, cancelled: 3 });
    expect((body as Operation).reason).toBe('Nothing was deleted: 1 of 4 deployments were refused');
    expect((await recordRows(t.dataSource)).deployments).toEqual(before.deployments);
    expect(body.items.at(-1)).toMatchObject({ state: 'refused', code: 'not_found' });

    const again = await t.as('all').post(bulk).send({ ids, all_or_nothing: true }).expect(200);
    expect(again.body).toMatchObject({ status: 'completed', deleted: 3 });
  });

  it('writes nothing for a dry run and says what would happen to each', async () => {
    const [id] = (await several('dry', 1)) as [string];
    // Teardowns of other tests write records, too.
    const isQuiet = async (): Promise<boolean> =>
      (await t.dataSource.query<unknown[]>(`SELECT 1 FROM deletions WHERE completed_at IS NULL AND restored_at IS NULL LIMIT 1`)).length ===
      0;
    await until(isQuiet, { what: 'the end of all teardowns' });
    const before = await recordRows(t.dataSource);
    const { body } = await t
      .as('dry')
      .post(bulk)
      .send({ ids: [id, UNKNOWN_ID], dry_run: true })
      .expect(200);
    expect(body).toMatchObject({ dry_run: true, total: 2, would_delete: 1, would_refuse: 1, needs_confirmation: null });
    expect(body.items).toEqual([
      expect.objectContaining({ deployment_id: id, outcome: 'deleted', code: null }),
      expect.objectContaining({ deployment_id: UNKNOWN_ID, outcome: 'refused', code: 'not_found' }),
    ]);
    expect(await recordRows(t.dataSource)).toEqual(before);
    expect(await t.dataSource.query(`SELECT count(*)::int AS n FROM operations WHERE user_id = $1`, [await t.userId('dry')])).toEqual([
      { n: 0 },
    ]);
  });

  it.each([
    ['neither ids nor a filter', {}, ''],
    ['both', { ids: [UNKNOWN_ID], filter: { name: 'x' } }, ''],
    ['a filter that fits everything', { filter: {} }, '/filter'],
    ['an id of another kind', { ids: ['node-1'] }, '/ids'],
    ['no ids', { ids: [] }, '/ids'],
    ['more than a thousand ids', { ids: Array.from({ length: 1001 }, () => UNKNOWN_ID) }, '/ids'],
    ['the status deleted', { filter: { status: 'deleted' } }, '/filter/status'],
    ['a bad duration', { ids: [UNKNOWN_ID], keep_warm: '10' }, '/keep_warm'],
    ['force together with keep_warm', { ids: [UNKNOWN_ID], keep_warm: '10m', force: true }, '/keep_warm'],
    ['force together with a grace', { ids: [UNKNOWN_ID], grace_seconds: 5, force: true }, '/grace_seconds'],
    [
      'force together with a grace, also in a dry run',
      { ids: [UNKNOWN_ID], grace_seconds: 5, force: true, dry_run: true },
      '/grace_seconds',
    ],
    ['too long a grace', { ids: [UNKNOWN_ID], grace_seconds: 301 }, '/grace_seconds'],
    ['an unknown member', { ids: [UNKNOWN_ID], forced: true }, '/forced'],
  ])('refuses %s and records nothing', async (_what, sent, pointer) => {
    const { body } = await t.as('bad').post(bulk).send(sent).expect(422);
    expect(body.errors[0].pointer).toBe(pointer);
    expect(await t.dataSource.query(`SELECT id FROM operations WHERE user_id = $1`, [await t.userId('bad')])).toEqual([]);
  });

  it('lets only administrators delete the deployments of others, by filter or by id', async () => {
    const id = await deployed(t, 'vic', { labels: { target: 'vic' } });
    const userId = await t.userId('vic');
    await t
      .as('bad')
      .post(bulk)
      .send({ filter: { user_id: userId } })
      .expect(403);
    await t
      .as('bad')
      .post(bulk)
      .send({ filter: { name: 'a', all_users: true } })
      .expect(403);
    const { body } = await t
      .as('root')
      .post(bulk)
      .send({ filter: { user_id: userId, labels: { target: 'vic' } } })
      .expect(200);
    expect((body as Operation).items).toMatchObject([{ deployment_id: id, state: 'deleted' }]);
  });

  it('gives the same answer to a repeat with the same key, and deletes once', async () => {
    const [id] = await several('ida', 1);
    const send = (): Promise<{ body: Operation }> =>
      t
        .as('ida')
        .post(bulk)
        .set('Idempotency-Key', 'bulk-1')
        .send({ ids: [id] });
    const answers = await Promise.all([send(), send(), send()]);
    expect(new Set(answers.map(({ body }) => body.operation_id)).size).toBe(1);
    expect(await t.dataSource.query(`SELECT count(*)::int AS n FROM deletions WHERE deployment_id = $1`, [id])).toEqual([{ n: 1 }]);
  });

  it('does not deadlock with single deletes and other operations, and each deployment is deleted once', async () => {
    const ids = await Promise.all(Array.from({ length: 24 }, () => deploy(t, 'rik', { replicas: 2 })));
    const orders = [ids, [...ids].reverse(), ids.filter((_id, index) => index % 2 === 0)];
    const answers = await Promise.all([
      ...orders.map((some) => t.as('rik').post(bulk).send({ ids: some, wait: 30 })),
      ...ids.slice(0, 8).map((id) => t.as('rik').delete(`/api/deployment/${id}?wait=0`)),
    ]);
    expect(answers.map(({ status }) => status).filter((status) => ![200, 202, 409].includes(status))).toEqual([]);
    const rows = await t.dataSource.query<{ n: number }[]>(
      `SELECT count(*)::int AS n FROM deployment_status_history WHERE deployment_id = ANY($1) AND new_status = 'deleted' GROUP BY deployment_id`,
      [ids],
    );
    expect(rows).toEqual(ids.map(() => ({ n: 1 })));
    for (const id of ids) await expectGone(t.dataSource, id);
  });
});

describe('operations', () => {
  it('are shown to their user and to administrators, and to others as if they did not exist', async () => {
    const [id] = await several('ops', 1);
    const { body } = await t
      .as('ops')
      .post(bulk)
      .send({ ids: [id] })
      .expect(200);
    const path = `/api/operations/${(body as Operation).operation_id}`;
    await t.as('root').get(path).expect(200);
    const foreign = await t.as('eve').get(path).expect(404);
    const missing = await t.as('eve').get(`/api/operations/${UNKNOWN_ID}`).expect(404);
    expect(foreign.body.detail.replace((body as Operation).operation_id, UNKNOWN_ID)).toBe(missing.body.detail);
    await t.as('eve').post(`${path}/cancel`).expect(404);
    const mine = await t.as('ops').get('/api/operations').expect(200);
    expect(mine.body).toMatchObject([{ operation_id: (body as Operation).operation_id, deleted: 1 }]);
    expect(mine.headers['x-total-count']).toBe('1');
    await t.as('ops').get('/api/operations?all_users=true').expect(403);
    const all = await t.as('root').get('/api/operations?all_users=true&limit=2').expect(200);
    expect(all.body).toHaveLength(2);
    await t.as('ops').post(`${path}/cancel`).expect(409);
    await t.as('root').post(`${path}/confirm`).expect(409);
    await t.as('ops').post(`${path}/confirm`).expect(403);
  });
});
