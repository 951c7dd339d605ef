import { PROBLEMS } from '../../src/common/problem/catalog';
import { deployed, UNKNOWN_ID } from '../support/deployments';
import { readOpenApi, type OpenApiDocument, type Operation, type Schema } from '../support/openapi-client';
import { startTestApp, type TestApp } from '../support/test-app';

/** One entry for each replica that there is, not a list that can be turned over. */
const NO_LISTS = ['GET /api/deployment/{deployment_id}/logs', 'GET /api/deployment/{deployment_id}/stats'];
/** The problems with the status code 400: faults of the request, and what the seeds of the product say. */
const FAULTS_400 = ['malformed_json', 'invalid_request', 'invalid_deployment_id', 'invalid_state'];

describe('every route of the document', () => {
  let t: TestApp;
  let document: OpenApiDocument;
  let operations: Operation[];
  beforeAll(async () => {
    t = await startTestApp({ env: { ALLOWED_REGISTRIES: 'docker.io,r1.example.com,r2.example.com,registry.example.com:5000' } });
    ({ document, operations } = await readOpenApi(t.url));
  });
  afterAll(() => t?.close());

  const named = (schema: Schema | undefined): Schema | undefined =>
    schema?.$ref === undefined ? schema : document.components.schemas[schema.$ref.split('/').at(-1) ?? ''];
  const answerOf = ({ responses }: Operation): Schema | undefined => named(responses['200']?.content?.['application/json']?.schema);
  const takes = ({ parameters }: Operation, name: string): boolean => parameters.some((parameter) => parameter.name === name);
  const reads = (): Operation[] => operations.filter(({ method }) => method === 'GET');
  const lists = (): Operation[] => reads().filter((each) => answerOf(each)?.type === 'array' && !NO_LISTS.includes(each.name));
  const names = (found: readonly Operation[]): string[] => found.map(({ name }) => name);
  const root = () => t.as('root', { admin: true });

  it('that gives a list gives it in pages of one kind: an array, `limit` and `offset` or `cursor`, X-Total-Count and Link', () => {
    expect(lists().length).toBeGreaterThan(15);
    expect(names(lists().filter((each) => !takes(each, 'limit') || !(takes(each, 'offset') || takes(each, 'cursor'))))).toEqual([]);
    const headers = ({ responses }: Operation): string[] => Object.keys(responses['200']?.headers ?? {});
    expect(names(lists().filter((each) => !headers(each).includes('X-Total-Count')))).toEqual([]);
    expect(names(reads().filter((each) => takes(each, 'limit') && !headers(each).includes('Link')))).toEqual([]);
  });

  it('that gives a list obeys `limit`, and leads to the next page', async () => {
    const user = t.as('ada');
    for (const n of [1, 2]) {
      await user
        .post('/api/auth/tokens')
        .send({ name: `t${n}` })
        .expect(201);
      await user
        .post('/api/notifications/webhooks')
        .send({ url: `https://93.184.216.34/${n}` })
        .expect(201);
      await root()
        .put(`/api/admin/registries/r${n}`)
        .send({ server: `r${n}.example.com`, username: 'u', password: 'p' })
        .expect(200);
    }
    const { body: project } = await user.post('/api/projects').send({ name: 'pages' }).expect(201);
    const at = `/api/projects/${String(project.id)}`;
    for (const n of [1, 2]) {
      await user
        .put(`${at}/registries/r${n}`)
        .send({ server: `r${n}.example.com`, username: 'u', password: 'p' })
        .expect(200);
      await user.put(`${at}/secrets/s${n}`).send({ value: 'x' }).expect(200);
      await root().put(`${at}/groups/g${n}`).send({ role: 'viewer' }).expect(200);
      await user
        .put(`${at}/members/${await t.userId(`member-${n}`)}`)
        .send({ role: 'viewer' })
        .expect(200);
    }
    await Promise.all([deployed(t, 'ada'), deployed(t, 'ada')]);
    for (const { name, path } of lists()) {
      if (path.includes('{') && !path.startsWith('/api/projects/{id}/')) continue;
      const who = path.startsWith('/api/admin') || path === '/api/users' ? root() : user;
      const { body, headers } = await who.get(`${path.replace('/api/projects/{id}', at)}?limit=1`).expect(200);
      expect([name, (body as unknown[]).length <= 1]).toEqual([name, true]);
      expect([name, headers['x-total-count']]).toEqual([name, expect.stringMatching(/^\d+$/)]);
      if (Number(headers['x-total-count']) < 2) continue;
      const next = /<([^>]+)>; rel="next"/.exec(headers.link ?? '')?.[1];
      expect([name, next]).toEqual([name, expect.any(String)]);
      const { body: second } = await who.get(next ?? '').expect(200);
      expect([name, (second as unknown[]).length]).toEqual([name, 1]);
      expect([name, second]).not.toEqual([name, body]);
    }
    const { body: page, headers } = await user.get('/api/events?limit=1').expect(200);
    expect(page.has_more).toBe(true);
    expect(headers.link).toContain(`after=${String(page.position)}`);
  });

  it('that shows one thing gives its own id as `id`, or its name where that is what its path has', () => {
    const shows = reads().filter(({ path }) => path.endsWith('}'));
    expect(shows.length).toBeGreaterThan(8);
    const without = shows.filter((each) => {
      const properties = answerOf(each)?.properties ?? {};
      return !('id' in properties || (each.path.endsWith('{name}') && 'name' in properties));
    });
    expect(names(without)).toEqual([]);
  });

  it('that shows deployments or operations gives their ids under both names, and both open them', async () => {
    const id = await deployed(t, 'bob');
    const { body: list } = await t.as('bob').get('/api/deployment/list').expect(200);
    const { body: bulk } = await t
      .as('bob')
      .post('/api/deployment/bulk-delete')
      .send({ ids: [UNKNOWN_ID], wait: 0 });
    const { body: all } = await t.as('bob').get('/api/operations').expect(200);
    expect(list).toMatchObject([{ id, deployment_id: id }]);
    for (const path of [`status/${id}`, id]) {
      expect((await t.as('bob').get(`/api/deployment/${path}`).expect(200)).body).toMatchObject({ id, deployment_id: id });
    }
    expect(all).toMatchObject([{ id: bulk.operation_id, operation_id: bulk.operation_id }]);
    expect(
      (
        await t
          .as('bob')
          .get(`/api/operations/${String(all[0].id)}`)
          .expect(200)
      ).body.id,
    ).toBe(bulk.operation_id);
  });

  it('that changes something lets a corrected request use the key of a faulty one', async () => {
    const changes = operations.filter((each) => takes(each, 'Idempotency-Key') && each.body !== null);
    expect(changes.length).toBeGreaterThan(30);
    expect(new Set(changes.map(({ method }) => method))).toEqual(new Set(['POST', 'PUT', 'PATCH', 'DELETE'].filter((m) => m !== 'DELETE')));
    const wrong: string[] = [];
    const id = await deployed(t, 'root');
    for (const [index, { name, method, path }] of changes.entries()) {
      const url = path.replace('{deployment_id}', id).replaceAll(/\{[^}]+\}/g, UNKNOWN_ID);
      const send = async (body: string): Promise<{ status: number; body: { code?: string } }> => {
        const agent = root();
        const verb = method.toLowerCase() as 'post' | 'put' | 'patch';
        const request = agent[verb](url).set('Idempotency-Key', `fault-${index}`);
        return request.set('Content-Type', 'application/json').send(body);
      };
      const answers = [await send('{"nonsense_1": 1}'), await send('{"nonsense_2": '), await send('{"nonsense_3": 3}')];
      if (answers.some(({ status, body }) => ![400, 401, 422].includes(status) || body.code === 'idempotency_key_reused'))
        wrong.push(`${name}: ${answers.map(({ status, body }) => `${status} ${String(body.code)}`).join(', ')}`);
    }
    expect(wrong).toEqual([]);
  });

  it('answers 400 only to faults of the request itself: what the state of a thing forbids is 409', () => {
    const codes = Object.entries(PROBLEMS).flatMap(([code, { status }]) => (status === 400 ? [code] : []));
    expect(codes.sort()).toEqual([...FAULTS_400].sort());
  });

  it('that makes a deployment keeps every member of the body, and gives it back under its name', async () => {
    const { body: project } = await t.as('cat').post('/api/projects').send({ name: 'whole' }).expect(201);
    await t
      .as('cat')
      .put(`/api/projects/${String(project.id)}/secrets/db-password`)
      .send({ value: 'x' })
      .expect(200);
    const sent = {
      ...{ name: 'whole', project: 'whole', type: 'gateway', container_image: 'registry.example.com:5000/team/app:1.0', replicas: 2 },
      ...{ resources: { cpu: 0.5, memory: 512, gpu: 0, storage: 2 }, env: { A: 'a' }, secret_env: { DB: 'db-password' } },
      ...{ command: ['serve', ''], ports: [{ container_port: 8080, protocol: 'tcp' }], region: 'us-east', placement_strategy: 'binpack' },
      health_check: { tcp: { port: 8080 }, interval_seconds: 7, timeout_seconds: 3, retries: 2, start_period_seconds: 1 },
      ...{ read_only_root: true, restart: 'on_failure', labels: { team: 'edge' }, protected: true, protection_reason: 'tried' },
      rollout: { max_surge: 2, max_unavailable: 1, min_healthy_seconds: 1, progress_deadline_seconds: 60, on_failure: 'pause' },
      routes: [{ host: 'whole.whole.localhost', path_prefix: '/', port: 8080 }],
      volumes: [{ name: 'data', path: '/data', size_gb: 1, read_only: true }],
    };
    const members = Object.keys(document.components.schemas.DeployRequestDto?.properties ?? {});
    expect(Object.keys(sent).sort()).toEqual(members.sort());
    const { body } = await t.as('cat').post('/api/deployment/deploy').send(sent);
    expect(body).toMatchObject({ success: true });
    const shown = async () =>
      (
        await t
          .as('cat')
          .get(`/api/deployment/${String(body.deployment_id)}`)
          .expect(200)
      ).body;
    const detail = await shown();
    const { spec, env_names: envNames, env_hashes: hashes } = detail;
    // What belongs to a deployment beside its spec stands beside it.
    const given: Record<string, unknown> = { ...detail, ...spec };
    const { env, ...open } = sent;
    expect([envNames, Object.keys(hashes as object)]).toEqual([Object.keys(env), Object.keys(env)]);
    const missing = Object.entries(open).filter(([name, value]) => JSON.stringify(given[name]) !== JSON.stringify(value));
    expect(missing.map(([name]) => [name, given[name]])).toEqual([]);
  });
});
