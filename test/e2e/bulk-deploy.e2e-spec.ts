import { randomUUID } from 'node:crypto';
import { aSpec, deploy, expectInvariants, freshName, historyOf, reaches, recordRows, UUID } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const bulk = '/api/deployment/bulk-deploy';

interface Item {
  deployment_id: string | null;
  name: string | null;
  state: string;
  code: string | null;
  detail: string | null;
  problem: Record<string, unknown> | null;
}
interface Operation {
  operation_id: string;
  status: string;
  reason: string | null;
  created: number;
  items: Item[];
}
type Body = Record<string, unknown>;

const CHECKED = { http: { path: '/', port: 8080 } };
const WHOLE = {
  ...{ command: ['sleep', '9'], env: { SECRET: 'no' }, labels: { team: 'a' }, ports: [{ container_port: 8080 }], region: 'eu-west' },
  ...{ replicas: 2, placement_strategy: 'distinct', read_only_root: true, restart: 'on_failure', health_check: CHECKED },
  ...{ rollout: { max_surge: 2, min_healthy_seconds: 1 }, protected: true, protection_reason: 'why' },
};

describe('POST /api/deployment/bulk-deploy', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0', MAX_DEPLOYMENTS_PER_USER: '0', MAX_REPLICAS_PER_USER: '0' } });
    await Promise.all([t.token('root', { admin: true }), t.token('ada', {}), t.token('eve', {})]);
  });
  afterEach(() => expectInvariants(t.dataSource));
  afterAll(() => t?.close());

  const send = (user: string, deployments: unknown, over: Body = {}) =>
    t
      .as(user)
      .post(bulk)
      .send({ deployments, ...over });
  const deployMany = async (user: string, deployments: unknown[], over: Body = {}): Promise<Operation> =>
    (await send(user, deployments, over).expect(200)).body as Operation;
  const idsOf = ({ items }: Operation): string[] => items.map((item) => String(item.deployment_id));
  const outcomes = ({ items }: Operation): unknown[] => items.map(({ state, code }) => code ?? state);

  it('makes every deployment, which then runs, and gives each a result in the order of the request', async () => {
    const names = [freshName(), freshName(), freshName()];
    const { body, headers } = await send('ada', [
      ...names.map((name, n) => aSpec({ name, replicas: n + 1 })),
      aSpec({ replicas: 0, name: 'bad' }),
    ]).expect(200);
    const operation = body as Operation;
    expect(operation).toMatchObject({
      kind: 'bulk_deploy',
      status: 'completed',
      reason: null,
      total: 4,
      created: 3,
      refused: 1,
      pending: 0,
    });
    expect(headers.location).toBe(`/api/operations/${operation.operation_id}`);
    expect(operation.items.map(({ name, state }) => [name, state])).toEqual([
      ...names.map((name) => [name, 'created']),
      ['bad', 'refused'],
    ]);
    expect(operation.items[3]).toMatchObject({ deployment_id: null, code: 'validation_failed', problem: { status: 422 } });
    expect((await t.as('ada').get(`/api/operations/${operation.operation_id}`).expect(200)).body).toEqual(operation);
    await t.as('eve').get(`/api/operations/${operation.operation_id}`).expect(404);
    for (const id of idsOf(operation).slice(0, 3)) await reaches(t, 'ada', id, 'running', 'healthy');
  });

  it('writes the same of each as a single deploy does: rows, history, events and audit', async () => {
    const traces = async (id: string): Promise<unknown> => {
      const [row] = await t.dataSource.query<object[]>(
        `SELECT to_jsonb(d) - '{id,name,created_at,updated_at,status,version,stored_bytes}'::text[] AS deployment, r.spec, r.number, r.created_by,
                to_jsonb(s) - 'deployment_id' AS resources,
                (SELECT json_agg(json_build_array(h.old_status, h.new_status, h.reason, h.changed_by, h.request_id IS NULL) ORDER BY h.id)
                   FROM deployment_status_history AS h WHERE h.deployment_id = d.id AND h.new_status IN ('pending', 'scheduled')) AS history,
                (SELECT json_agg(json_build_array(e.type, e.user_id, e.labels, e.data->'new_status') ORDER BY e.id)
                   FROM events AS e WHERE e.deployment_id = d.id AND e.data->>'new_status' IN ('pending', 'scheduled')) AS events,
                (SELECT json_agg(json_build_array(a.action, a.actor_id, a.after - 'name' - 'routes') ORDER BY a.id)
                   FROM audit_log AS a WHERE a.resource_id = d.id) AS audit,
                (SELECT json_agg(json_build_array(p.cause, p.explanation->'requested', v.cpu_cores, v.memory_mb, v.storage_gb, x.generation, x.revision))
                   FROM placements AS p JOIN deployment_replicas AS x ON x.placement_id = p.id JOIN reservations AS v ON v.replica_id = x.id
                  WHERE p.deployment_id = d.id) AS placements,
                (SELECT json_agg(json_build_array(o.path_prefix, o.port, o.position, o.named)) FROM deployment_routes AS o
                  WHERE o.deployment_id = d.id) AS routes,
                (SELECT count(*) FROM route_tables AS rt WHERE rt.deployment_id = d.id)::int AS tables
           FROM deployments AS d JOIN deployment_revisions AS r ON r.deployment_id = d.id JOIN deployment_resources AS s ON s.deployment_id = d.id
          WHERE d.id = $1`,
        [id],
      );
      return row;
    };
    const spec = { ...WHOLE, routes: [{ port: 8080 }, { port: 8080, path_prefix: '/api' }] };
    const single = await deploy(t, 'ada', spec);
    await reaches(t, 'ada', single, 'running');
    const [one, two] = idsOf(await deployMany('ada', [aSpec(spec), aSpec(spec)])) as [string, string];
    for (const id of [one, two]) await reaches(t, 'ada', id, 'running');
    const wanted = await traces(single);
    expect(wanted).toMatchObject({
      tables: 1,
      history: [['none', 'pending', expect.any(String), expect.any(String), false], expect.any(Array)],
    });
    expect([await traces(one), await traces(two)]).toEqual([wanted, wanted]);
    const { body } = await t.as('root').get('/api/admin/audit?action=deployment.bulk_deploy&limit=1').expect(200);
    expect(JSON.stringify(body)).toContain('"deployments":2');
  });

  it('gives replicas ids that differ in the first twelve digits, of which the names of their containers are made', async () => {
    const single = await deploy(t, 'ada', { replicas: 20 });
    const many = idsOf(
      await deployMany(
        'ada',
        Array.from({ length: 20 }, () => aSpec({ replicas: 2 })),
      ),
    );
    for (const id of [single, ...many]) await reaches(t, 'ada', id, 'running');
    const [counted] = await t.dataSource.query<object[]>(
      `SELECT count(*)::int AS replicas, count(DISTINCT left(replace(id::text, '-', ''), 12))::int AS names
         FROM deployment_replicas WHERE deployment_id = ANY($1::uuid[])`,
      [[single, ...many]],
    );
    expect(counted).toEqual({ replicas: 60, names: 60 });
    for (const id of [single, ...many]) await t.as('ada').delete(`/api/deployment/${id}?wait=20&grace_seconds=0`).expect(200);
  });

  it.each<[string, Body]>([
    ['a member that is not known', { colour: 'red' }],
    ['no name', { name: undefined }],
    ['a bad name', { name: '../x' }],
    ['too many replicas', { replicas: 101 }],
    ['too much memory', { resources: { cpu: 1, memory: 10_000_000 } }],
    ['a policy that stands still', { rollout: { max_surge: 0, max_unavailable: 0 } }],
    ['a reason without a protection', { protection_reason: 'x' }],
    ['two kinds of checks', { health_check: { ...CHECKED, tcp: { port: 1 } } }],
    ['a route to a port that is not there', { routes: [{ port: 9 }] }],
    ['a host of somebody else', { ports: [{ container_port: 80 }], routes: [{ port: 80, host: 'x.eve.localhost' }] }],
    ['a name that is in use', { name: 'in-use' }],
    ['a route that is taken', { ports: [{ container_port: 80 }], routes: [{ port: 80, host: 'in-use.ada.localhost' }] }],
  ])('answers %s as a single deploy does, and goes on with the others', async (_words, over) => {
    const first = { name: 'in-use', ports: [{ container_port: 80 }], routes: [{ port: 80 }] };
    if ((await t.as('ada').get('/api/deployment/list?name=in-use').expect(200)).body.length === 0) await deploy(t, 'ada', first);
    const bad = aSpec(over);
    const single = await t.as('ada').post('/api/deployment/deploy').send(bad);
    expect(single.status).toBeGreaterThanOrEqual(400);
    const problem = Object.fromEntries(Object.entries(single.body as Body).filter(([member]) => !/^(instance|request_id)$/.test(member)));
    const operation = await deployMany('ada', [aSpec(), bad, aSpec()]);
    expect(operation.items.map(({ state }) => state)).toEqual(['created', 'refused', 'created']);
    expect(operation.items[1]).toMatchObject({ code: problem.code, detail: problem.detail });
    expect(operation.items[1]!.problem).toEqual(problem);
    const preview = (
      await t
        .as('ada')
        .post(`${bulk}/preview`)
        .send({ deployments: [bad] })
        .expect(200)
    ).body;
    expect(preview).toMatchObject({ dry_run: true, would_create: 0, would_refuse: 1, items: [{ outcome: 'refused', problem }] });
  });

  it('decides them one after the other: what one takes is taken for the next, what is refused takes nothing', async () => {
    const [name, host] = [freshName(), `${freshName()}.ada.localhost`];
    const routed = (over: Body): Body => aSpec({ ports: [{ container_port: 80 }], routes: [{ port: 80, host }], ...over });
    const operation = await deployMany('ada', [
      routed({ name, replicas: 0 }),
      routed({ name, routes: [{ port: 81, host }] }),
      routed({ name }),
      aSpec({ name }),
      routed({}),
      routed({ routes: [{ port: 80, host, path_prefix: '/other' }] }),
      'no object',
      null,
    ]);
    expect(outcomes(operation)).toEqual([
      ...['validation_failed', 'validation_failed', 'created', 'already_exists', 'route_taken', 'created'],
      ...['validation_failed', 'validation_failed'],
    ]);
    expect(operation.items[6]).toMatchObject({ name: null, detail: 'The body must be a JSON object.' });
    await t
      .as('ada')
      .delete(`/api/deployment/${idsOf(operation)[2]}?wait=20`)
      .expect(200);
    expect(outcomes(await deployMany('ada', [aSpec({ name })]))).toEqual(['created']);
    const others = await deployMany('eve', [aSpec({ name }), aSpec({ ports: [{ container_port: 80 }], routes: [{ port: 80, host }] })]);
    expect(outcomes(others)).toEqual(['created', 'validation_failed']);
  });

  it('makes all or none with all_or_nothing', async () => {
    const before = await recordRows(t.dataSource);
    const refused = await deployMany('ada', [aSpec(), aSpec({ type: 'none' }), aSpec()], { all_or_nothing: true });
    expect(refused).toMatchObject({
      status: 'failed',
      reason: 'Nothing was deployed: 1 of 3 deployments were refused',
      created: 0,
      cancelled: 2,
    });
    expect(refused.items.map(({ state, deployment_id: id }) => [state, id])).toEqual([
      ...[['cancelled', null] as const, ['refused', null] as const, ['cancelled', null] as const],
    ]);
    expect((await recordRows(t.dataSource)).deployments).toHaveLength(before.deployments!.length);
    expect(await deployMany('ada', [aSpec(), aSpec()], { all_or_nothing: true })).toMatchObject({ status: 'completed', created: 2 });
  });

  it('previews where each would go, beside those before it, and writes nothing', async () => {
    const large = { replicas: 1, resources: { cpu: 8, memory: 512, storage: 1 } };
    // What the tests before this one have deployed is recorded as running first.
    const starting = `SELECT FROM deployments WHERE status IN ('pending', 'scheduled')`;
    await until(async () => (await t.dataSource.query<unknown[]>(starting)).length === 0, { what: 'everything to run' });
    const before = await recordRows(t.dataSource);
    const body = { deployments: Array.from({ length: 10 }, () => aSpec(large)) };
    const { body: preview } = await t.as('ada').post(`${bulk}/preview`).send(body).expect(200);
    expect(preview).toMatchObject({ dry_run: true, total: 10, would_create: 10, would_refuse: 0 });
    const items = preview.items as { schedulable: boolean; node_ids: string[]; detail: string }[];
    expect(items.filter(({ schedulable }) => schedulable).length).toBeLessThanOrEqual(6);
    expect(items[0]).toMatchObject({
      schedulable: true,
      node_ids: [expect.stringMatching(UUID)],
      detail: 'All 1 replicas would be placed',
    });
    expect(items[9]).toMatchObject({ schedulable: false, node_ids: [], detail: expect.stringMatching(/^Insufficient nodes/) });
    expect((await send('ada', body.deployments, { dry_run: true }).expect(200)).body).toMatchObject({ dry_run: true, total: 10 });
    expect((await recordRows(t.dataSource)).deployments).toEqual(before.deployments);
  });

  it('leaves what has no room to the reconciler, which ends it as it ends a single one', async () => {
    const huge = aSpec({ replicas: 100, resources: { cpu: 16, memory: 512, storage: 1 } });
    const operation = await deployMany('ada', [huge, aSpec()]);
    expect(outcomes(operation)).toEqual(['created', 'created']);
    const [noRoom, room] = idsOf(operation) as [string, string];
    await reaches(t, 'ada', noRoom, 'failed');
    expect((await historyOf(t, 'ada', noRoom)).at(-1)!.reason).toMatch(/^Insufficient nodes: need 100/);
    await reaches(t, 'ada', room, 'running');
  });

  it('gives the first answer again under the same Idempotency-Key, and makes nothing twice', async () => {
    const key = randomUUID();
    const names = [freshName(), freshName()];
    const ask = () =>
      t
        .as('ada')
        .set('Idempotency-Key', key)
        .post(bulk)
        .send({ deployments: names.map((name) => aSpec({ name })) });
    const answers = await Promise.all([ask(), ask(), ask()]);
    const [first] = answers;
    for (const { status, body, headers } of answers) {
      expect([status, body, headers.location]).toEqual([200, first.body, first.headers.location]);
    }
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(2);
    expect((first.body as Operation).created).toBe(2);
    const rows = await t.dataSource.query<unknown[]>(`SELECT 1 FROM deployments WHERE name = ANY($1)`, [names]);
    expect(rows).toHaveLength(2);
  });

  it('takes a thousand, which is more than other bodies may have', async () => {
    const many = Array.from({ length: 1_000 }, () =>
      aSpec({ labels: { a: 'x'.repeat(200) }, resources: { cpu: 0.01, memory: 1, storage: 1 } }),
    );
    expect(JSON.stringify(many).length).toBeGreaterThan(256 * 1024);
    const { body } = await t.as('ada').post(`${bulk}/preview`).send({ deployments: many }).expect(200);
    expect(body.total).toBe(1_000);
    expect((await send('ada', [...many, aSpec()]).expect(422)).body.errors).toEqual([
      { pointer: '/deployments', detail: 'deployments must be an array of 1 to 1000 entries' },
    ]);
    await send('ada', [
      aSpec({ env: { A: 'x'.repeat(32_768) } }),
      ...Array.from({ length: 70 }, () => ({ env: 'x'.repeat(32_768) })),
    ]).expect(413);
  });

  it.each<[string, Body]>([
    ['no list', { deployments: {} }],
    ['nothing', {}],
    ['an empty list', { deployments: [] }],
    ['null', { deployments: null }],
    ['a member that is not known', { deployments: [{}], wait: 1 }],
    ['a flag that is none', { deployments: [{}], all_or_nothing: 'yes' }],
  ])('refuses a request with %s as a whole', async (_words, body) => {
    expect((await t.as('ada').post(bulk).send(body).expect(422)).body.code).toBe('validation_failed');
  });
});
