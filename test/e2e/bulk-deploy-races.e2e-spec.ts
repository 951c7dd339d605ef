import { aSpec, expectInvariants, freshName, statusOf } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const bulk = '/api/deployment/bulk-deploy';

interface Item {
  deployment_id: string | null;
  name: string;
  state: string;
  code: string | null;
}

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_unused, index) => make(index));

describe.each([
  [
    'without quotas',
    { MAX_DEPLOYMENTS_PER_USER: '0', MAX_REPLICAS_PER_USER: '0', MAX_STORED_MB_PER_USER: '0', MAX_KEPT_DEPLOYMENTS_PER_USER: '0' },
  ],
  ['with quotas', {}],
])('bulk deploys in races, %s', (_words, env) => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0', ...env } });
    await Promise.all(['ada', 'eve'].map((user) => t.token(user, {})));
  });
  afterEach(() => expectInvariants(t.dataSource));
  afterAll(() => t?.close());

  const deployMany = async (user: string, deployments: unknown[], over: Record<string, unknown> = {}) => {
    const { status, body } = await t
      .as(user)
      .post(bulk)
      .send({ deployments, ...over });
    return { status, code: body.code as string | undefined, items: (body.items ?? []) as Item[], operation: body.status as string };
  };
  const single = (name: string) => t.as('ada').post('/api/deployment/deploy').send(aSpec({ name }));
  const settled = (id: string): Promise<string> =>
    until(async () => {
      const { status } = await statusOf(t, 'ada', id);
      return status === 'failed' || status === 'running' ? status : '';
    });
  const endAll = async (): Promise<void> => {
    const rows = await t.dataSource.query<{ id: string }[]>(`SELECT id FROM deployments WHERE deleted_at IS NULL`);
    await t.token('root', { admin: true });
    await Promise.all(rows.map(({ id }) => t.as('root').delete(`/api/deployment/${id}?wait=30`).expect(200)));
    // Of earlier deletions containers may be ending yet.
    const held = async (): Promise<number> => {
      const [row] = await t.dataSource.query<{ cpu: number }[]>(`SELECT sum(reserved_cpu_cores)::float8 AS cpu FROM nodes`);
      return row!.cpu;
    };
    await until(async () => (await held()) === 0, { what: 'all capacity to be released' });
  };

  it('gives each name to one of many bulk and single deploys, while others delete them', async () => {
    const names = times(6, freshName);
    const made: string[] = [];
    for (let round = 0; round < 3; round++) {
      const [bulks, singles] = await Promise.all([
        Promise.all(
          times(4, (n) =>
            deployMany(
              'ada',
              (n % 2 === 0 ? names : names.toReversed()).map((name) => aSpec({ name })),
            ),
          ),
        ),
        Promise.all(names.map((name) => single(name))),
        Promise.all(made.splice(0).map((id) => t.as('ada').delete(`/api/deployment/${id}?wait=0`))),
      ]);
      const items = bulks.flatMap((each) => each.items);
      for (const { state, code } of items) expect(['created', 'already_exists']).toContain(code ?? state);
      for (const { status } of bulks) expect([200, 503]).toContain(status);
      for (const { status } of singles) expect([202, 409]).toContain(status);
      made.push(...items.flatMap(({ deployment_id: id }) => (id === null ? [] : [id])));
      made.push(...singles.flatMap(({ status, body }) => (status === 202 ? [body.deployment_id as string] : [])));
      const live = await t.dataSource.query<{ name: string }[]>(
        `SELECT name FROM deployments WHERE deleted_at IS NULL AND name = ANY($1)`,
        [names],
      );
      expect(new Set(live.map(({ name }) => name)).size).toBe(live.length);
    }
    await endAll();
  });

  it('gives a host to one owner only, and an all-or-nothing request makes all or none', async () => {
    const [name, other] = [freshName(), freshName()];
    const routed = (path: string): Record<string, unknown> =>
      aSpec({ ports: [{ container_port: 80 }], routes: [{ port: 80, host: `${name}.ada.localhost`, path_prefix: path }] });
    const answers = await Promise.all(
      times(6, (n) => deployMany('ada', [routed('/'), routed(`/${n}`), aSpec({ name: `${other}-${n}` })], { all_or_nothing: true })),
    );
    for (const { status, items, operation } of answers) {
      expect(status).toBe(200);
      const created = items.filter(({ state }) => state === 'created').length;
      expect([operation, created]).toEqual(created > 0 ? ['completed', 3] : ['failed', 0]);
    }
    expect(answers.filter(({ operation }) => operation === 'completed')).toHaveLength(1);
    expect(await t.dataSource.query(`SELECT 1 FROM deployments WHERE name LIKE $1`, [`${other}-%`])).toHaveLength(1);
    await endAll();
  });

  it('never overcommits: of many bulk and single deploys at once as many run as fit, and the others fail cleanly', async () => {
    const size = { resources: { cpu: 8, memory: 512, storage: 1 } };
    const [bulks, singles] = await Promise.all([
      Promise.all(
        times(3, () =>
          deployMany(
            'ada',
            times(4, () => aSpec(size)),
          ),
        ),
      ),
      Promise.all(times(4, () => t.as('ada').post('/api/deployment/deploy').send(aSpec(size)).expect(202))),
    ]);
    for (const { status } of bulks) expect(status).toBe(200);
    const ids = [
      ...bulks.flatMap(({ items }) => items.map((item) => String(item.deployment_id))),
      ...singles.map(({ body }) => String(body.deployment_id)),
    ];
    const statuses = await Promise.all(ids.map(settled));
    // Three nodes of 16 cores.
    expect(statuses.filter((status) => status === 'running')).toHaveLength(6);
    await endAll();
  });
});

describe('bulk deploys and quotas', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { MAX_DEPLOYMENTS_PER_USER: '10', MAX_OPERATION_ITEMS_PER_USER: '100' } });
    await t.token('ada', {});
  });
  afterAll(() => t?.close());
  const ask = (count: number) =>
    t
      .as('ada')
      .post(bulk)
      .send({ deployments: times(count, () => aSpec({ resources: { cpu: 0.5, memory: 512, storage: 1 } })) });

  it('take exactly what is left, also when several come at once with single deploys', async () => {
    const [bulks, singles] = await Promise.all([
      Promise.all(times(3, () => ask(4).expect(200))),
      Promise.all(times(4, () => t.as('ada').post('/api/deployment/deploy').send(aSpec()))),
    ]);
    const items = bulks.flatMap(({ body }) => body.items as (Item & { problem: object })[]);
    const made = items.filter(({ state }) => state === 'created').length + singles.filter(({ status }) => status === 202).length;
    expect(made).toBe(10);
    for (const item of items.filter(({ state }) => state === 'refused'))
      expect(item.problem).toMatchObject({ code: 'quota_exceeded', status: 409, quota: 'deployments', limit: 10, used: 10, requested: 1 });
    await expectInvariants(t.dataSource);
  });

  it('are refused as a whole when the operations of the user have too many items', async () => {
    const { body } = await ask(100).expect(409);
    expect(body).toMatchObject({ code: 'quota_exceeded', quota: 'operation_items', limit: 100 });
  });
});
