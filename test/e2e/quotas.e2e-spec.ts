import { loadConfig } from '../../src/config/app-config';
import { deployed, finishTeardowns, statusOf } from '../support/deployments';
import { aDeployment } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const SPEC = { type: 'compute', container_image: 'a:1', replicas: 2, resources: { cpu: 0.5, memory: 512, storage: 1 } };
const RACE = 8;

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({
    env: {
      STOP_GRACE_SECONDS: '1',
      MAX_REPLICAS_PER_USER: '4',
      MAX_KEPT_DEPLOYMENTS_PER_USER: '3',
      MAX_STORED_MB_PER_USER: '1',
      MAX_OPEN_OPERATIONS_PER_USER: '3',
      MAX_OPERATION_ITEMS_PER_USER: '2000',
      BULK_DELETE_MAX_SHARE_PERCENT: '0',
      BULK_DELETE_ALWAYS_ALLOWED: '0',
    },
  });
  t.as('root', { admin: true });
});
afterEach(() => finishTeardowns(t.dataSource));
afterAll(() => t?.close());

let counter = 0;
const name = (): string => `q${String(++counter)}`;
const deploy = (user: string, over: object = {}) =>
  t
    .as(user)
    .post('/api/deployment/deploy')
    .send({ ...SPEC, name: name(), ...over });
const keepWarm = (user: string, id: string) => t.as(user).delete(`/api/deployment/${id}?keep_warm=1h&wait=20`).expect(200);

describe('what a user holds', () => {
  it('counts containers that are kept warm, until they are gone; and a restore takes their place', async () => {
    const [first, second] = [await deployed(t, 'ada', { replicas: 2 }), await deployed(t, 'ada', { replicas: 2 })];
    await keepWarm('ada', first);
    const { body } = await deploy('ada', { replicas: 1 }).expect(409);
    expect(body).toMatchObject({ code: 'quota_exceeded', quota: 'replicas', limit: 4, used: 4, requested: 1 });
    expect(body.detail).toContain('2 of them kept warm for deleted deployments');
    await t.as('ada').post(`/api/deployment/scale/${second}`).send({ replicas: 3 }).expect(409);
    expect((await t.as('ada').post(`/api/deployment/${first}/restore?dry_run=true`).expect(200)).body).toMatchObject({ possible: true });
    await t.as('ada').post(`/api/deployment/${first}/restore`).expect(202);
    await until(async () => (await statusOf(t, 'ada', first)).status === 'running');
    await t.as('ada').delete(`/api/deployment/${first}?wait=20`).expect(200);
    await deploy('ada', { replicas: 2 }).expect(202);
  });

  it('cannot grow in a race of restores, deploys and scalings beside warm containers', async () => {
    const id = await deployed(t, 'bea', { replicas: 2 });
    await keepWarm('bea', id);
    await Promise.all([
      ...Array.from({ length: RACE }, () => deploy('bea', { replicas: 1 })),
      ...Array.from({ length: 3 }, () => t.as('bea').post(`/api/deployment/${id}/restore`)),
    ]);
    const [{ held }] = await t.dataSource.query<[{ held: number }]>(
      `SELECT (SELECT coalesce(sum(target_replicas), 0) FROM deployments WHERE user_id = $1 AND deleted_at IS NULL)::int
              + (SELECT count(*) FROM deployment_replicas AS r JOIN deployments AS d ON d.id = r.deployment_id
                  WHERE d.user_id = $1 AND d.deleted_at IS NOT NULL AND r.warm_until IS NOT NULL AND r.status = 'stopping')::int AS held`,
      [await t.userId('bea')],
    );
    expect(held).toBe(4);
  });

  it('counts what is stored, of live and of deleted deployments, exactly', async () => {
    const env = Object.fromEntries(Array.from({ length: 50 }, (_unused, n) => [`V${String(n)}`, 'x'.repeat(4_000)]));
    const answers = await Promise.all(Array.from({ length: RACE }, () => deploy('cat', { replicas: 1, env })));
    // Each weighs a little over 200 kB, and the quota is one megabyte; replicas allow four.
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(4);
    const ids = answers.flatMap(({ status, body }) => (status === 202 ? [String(body.deployment_id)] : []));
    await t.as('cat').delete(`/api/deployment/${ids[0]!}?wait=20`).expect(200);
    const { body } = await deploy('cat', { replicas: 1, env: { ...env, more: 'x'.repeat(4_000) } }).expect(409);
    expect(body).toMatchObject({ code: 'quota_exceeded', quota: 'stored_bytes', limit: 1_000_000 });
    await deploy('cat', { replicas: 1 }).expect(202);
    const [{ weighed }] = await t.dataSource.query<[{ weighed: number }]>(
      `SELECT sum(stored_bytes)::int AS weighed FROM deployments WHERE user_id = $1`,
      [await t.userId('cat')],
    );
    expect(weighed).toBeLessThanOrEqual(1_000_000);
  });

  it('counts deleted deployments that are kept; deletes go on, and the words say when there is room again', async () => {
    for (let n = 0; n < 4; n++) {
      const id = await deployed(t, 'dan', { replicas: 1 });
      await t.as('dan').delete(`/api/deployment/${id}?wait=20`).expect(200);
      if (n < 2) continue;
      const { body } = await deploy('dan', { replicas: 1 }).expect(409);
      expect(body).toMatchObject({ quota: 'kept_deployments', limit: 3, used: 3 });
      expect(body.detail).toMatch(/the next one is purged at 20\d\d-/);
      return;
    }
  });
});

describe('bulk operations', () => {
  const bulk = (user: string, ids: readonly string[]) => t.as(user).post('/api/deployment/bulk-delete').send({ ids, wait: 0 });

  it('of one user that have not ended are limited, exactly, and others are not concerned', async () => {
    const id = await aDeployment(t.dataSource, { user_id: await t.userId('eli') });
    const answers = await Promise.all(Array.from({ length: RACE }, () => bulk('eli', [id])));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(3);
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ quota: 'operations', limit: 3, used: 3, requested: 1 });
    expect(
      (
        await t
          .as('fay')
          .post('/api/deployment/bulk-delete')
          .send({ filter: { name: 'nothing' } })
          .expect(200)
      ).body.total,
    ).toBe(0);
    const open = answers.find(({ status }) => status === 202)!.body.operation_id as string;
    await t.as('eli').post(`/api/operations/${open}/cancel`).expect(200);
    await bulk('eli', [id]).expect(202);
  });

  it('of one user name so many deployments, invented ones too', async () => {
    const invented = (from: number) =>
      Array.from({ length: 1_000 }, (_unused, n) => `00000000-0000-4000-8000-${String(from + n).padStart(12, '0')}`);
    for (const from of [0, 1_000]) {
      const { body } = await t
        .as('gus')
        .post('/api/deployment/bulk-delete')
        .send({ ids: invented(from), wait: 30 })
        .expect(200);
      expect(body).toMatchObject({ status: 'completed', refused: 1_000 });
      expect(body.items[0]).toMatchObject({ code: 'not_found', detail: 'Deployment not found or access denied' });
    }
    expect((await bulk('gus', invented(2_000)).expect(409)).body).toMatchObject({ quota: 'operation_items', limit: 2_000, used: 2_000 });
  });
});

describe('the defaults', () => {
  it('limit every user, and keep strangers out', () => {
    const config = loadConfig({});
    expect(config.REGISTRATION_ENABLED).toBe(false);
    for (const limit of [config.MAX_DEPLOYMENTS_PER_USER, config.MAX_REPLICAS_PER_USER, config.MAX_STORED_MB_PER_USER])
      expect(limit).toBeGreaterThan(0);
  });
});
