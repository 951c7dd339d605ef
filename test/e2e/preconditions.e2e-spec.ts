import { anUnnamedSpec, deploy, deployed, freshName, reaches, UNKNOWN_ID } from '../support/deployments';
import { readOpenApi } from '../support/openapi-client';
import { change, rolloutEnds } from '../support/changes';
import { startTestApp, type TestApp } from '../support/test-app';

type State = 'running' | 'stopped' | 'deleted' | 'failed' | 'rolled out' | 'rolling out' | 'paused';

interface Route {
  readonly verb: 'post' | 'put' | 'patch' | 'delete';
  readonly path: string;
  readonly user: 'ada' | 'root';
  readonly body?: object;
  /** Absent: running. */
  readonly needs?: State;
}

/** Every route that changes one deployment, and a body that it takes. */
const OBEYING: readonly Route[] = [
  { verb: 'post', path: '/api/deployment/scale/{id}', user: 'ada', body: { replicas: 2 } },
  { verb: 'patch', path: '/api/deployment/{id}', user: 'ada', body: { labels: { a: 'b' } } },
  { verb: 'patch', path: '/api/deployment/{id}?dry_run=true', user: 'ada', body: { labels: { a: 'b' } } },
  { verb: 'post', path: '/api/deployment/{id}/restart', user: 'ada' },
  { verb: 'post', path: '/api/deployment/{id}/stop', user: 'ada' },
  { verb: 'post', path: '/api/deployment/{id}/start', user: 'ada', needs: 'stopped' },
  { verb: 'post', path: '/api/deployment/{id}/retry', user: 'ada', needs: 'failed' },
  { verb: 'post', path: '/api/deployment/{id}/rollback', user: 'ada', body: {}, needs: 'rolled out' },
  { verb: 'post', path: '/api/deployment/{id}/rollout/pause', user: 'ada', needs: 'rolling out' },
  { verb: 'post', path: '/api/deployment/{id}/rollout/resume', user: 'ada', needs: 'paused' },
  { verb: 'post', path: '/api/deployment/{id}/rollout/abort', user: 'ada', needs: 'rolling out' },
  { verb: 'post', path: '/api/deployment/{id}/move', user: 'ada', body: { project: 'elsewhere' } },
  { verb: 'put', path: '/api/deployment/named/{name}', user: 'ada', body: anUnnamedSpec({ replicas: 2 }) },
  { verb: 'put', path: '/api/deployment/{id}/protection', user: 'ada', body: { reason: 'mine' } },
  { verb: 'delete', path: '/api/deployment/{id}/protection', user: 'ada' },
  { verb: 'put', path: '/api/deployment/{id}/legal-hold', user: 'root', body: { reason: 'a case' } },
  { verb: 'delete', path: '/api/deployment/{id}/legal-hold', user: 'root' },
  { verb: 'post', path: '/api/deployment/{id}/force-release', user: 'root', body: { reason: 'burnt' } },
  { verb: 'delete', path: '/api/deployment/{id}', user: 'ada' },
  { verb: 'post', path: '/api/deployment/{id}/restore', user: 'ada', needs: 'deleted' },
  { verb: 'delete', path: '/api/deployment/{id}?dry_run=true', user: 'ada' },
  { verb: 'post', path: '/api/deployment/{id}/restore?dry_run=true', user: 'ada', needs: 'deleted' },
  { verb: 'delete', path: '/api/admin/deployment/{id}?dry_run=true', user: 'root', needs: 'deleted' },
  { verb: 'delete', path: '/api/admin/deployment/{id}?override_retention=true&reason=x', user: 'root', needs: 'deleted' },
];

describe('If-Match', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  const call = ({ verb, path, user, body }: Route, { id, name }: { id: string; name: string }, ifMatch: string) => {
    const agent = t.as(user, { admin: user === 'root' });
    const asked = agent[verb](path.replace('{id}', id).replace('{name}', name)).set('If-Match', ifMatch);
    return body === undefined ? asked : asked.send(body);
  };
  const etagOf = async (id: string): Promise<string> =>
    (await t.as('ada').get(`/api/deployment/status/${id}?include_deleted=true`).expect(200)).headers.etag ?? '';

  async function inState(state: State, name: string): Promise<string> {
    if (state === 'failed') {
      const id = await deploy(t, 'ada', { name, container_image: 'simulated/rejected:1' });
      await reaches(t, 'ada', id, 'failed');
      return id;
    }
    const id = await deployed(t, 'ada', { name, rollout: { min_healthy_seconds: 0 } });
    if (state === 'stopped') await t.as('ada').post(`/api/deployment/${id}/stop`).expect(202);
    if (state === 'deleted') await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    if (state === 'rolled out') {
      await change(t, 'ada', id, { container_image: 'nginx:1.28' }).expect(202);
      await rolloutEnds(t, 'ada', id, 'completed');
    }
    // It never gets healthy, so its rollout stays open.
    if (state === 'rolling out' || state === 'paused') await change(t, 'ada', id, { container_image: 'simulated/unhealthy:2' }).expect(202);
    if (state === 'paused') await t.as('ada').post(`/api/deployment/${id}/rollout/pause`).expect(200);
    return id;
  }

  it('has a case for every route of the document that takes it for a deployment', async () => {
    const { operations } = await readOpenApi(t.url);
    const documented = operations
      .filter(({ method, path, parameters }) => {
        const changesOne = method !== 'GET' && /^\/api\/(admin\/)?deployment\//.test(path);
        return changesOne && parameters.some(({ name }) => name === 'If-Match');
      })
      .map(({ name }) => name.replace(/\{(deployment_)?id\}/, '{id}'));
    const tried = OBEYING.map(({ verb, path }) => `${verb.toUpperCase()} ${path.split('?')[0] ?? ''}`);
    expect(documented.filter((name) => !tried.includes(name))).toEqual([]);
    expect(tried.filter((name) => !documented.includes(name))).toEqual([]);
  });

  it.each(OBEYING)('is obeyed by $verb $path', async (route) => {
    const name = freshName();
    const id = await inState(route.needs ?? 'running', name);
    if (route.path.endsWith('/move')) await t.as('ada').post('/api/projects').send({ name: 'elsewhere' }).expect(201);
    const { body } = await call(route, { id, name }, '"0"').expect(412);
    expect(body).toMatchObject({ code: 'precondition_failed', etag: expect.stringMatching(/^"\d+"$/) as string });
    expect((await call(route, { id, name }, 'nonsense').expect(400)).body).toMatchObject({ errors: [{ pointer: 'If-Match' }] });
    const right = await call(route, { id, name }, await etagOf(id));
    // Nothing is there to be given up, which is what a force release says when the condition holds.
    expect(right.status < 300 || (right.body as { code: string }).code === 'conflict').toBe(true);
  });

  it('of the same state lets exactly one of two changes through', async () => {
    const id = await deployed(t, 'ada');
    const etag = await etagOf(id);
    const answers = await Promise.all(
      [2, 3].map((replicas) => t.as('ada').post(`/api/deployment/scale/${id}`).set('If-Match', etag).send({ replicas })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  it('gives nothing away about deployments of others', async () => {
    const id = await deployed(t, 'ada');
    for (const target of [id, UNKNOWN_ID]) await t.as('bob').post(`/api/deployment/${target}/stop`).set('If-Match', '"0"').expect(404);
  });

  it('is refused where it would be ignored, and so is If-None-Match by all that changes something', async () => {
    const id = await deployed(t, 'ada');
    const refused = [
      t.as('ada').post('/api/deployment/deploy').set('If-Match', '*'),
      t
        .as('ada')
        .post('/api/deployment/bulk-delete')
        .set('If-Match', '"1"')
        .send({ ids: [id] }),
      t.as('ada').patch('/api/auth/me').set('If-Match', '"1"').send({}),
    ];
    for (const answer of await Promise.all(refused))
      expect([answer.status, answer.body]).toMatchObject([400, { code: 'invalid_request', errors: [{ pointer: 'If-Match' }] }]);
    const { body } = await t.as('ada').put(`/api/deployment/${id}/protection`).set('If-None-Match', '*').send({ reason: 'x' }).expect(400);
    expect(body).toMatchObject({ errors: [{ pointer: 'If-None-Match' }] });
  });

  it('that is weak never matches, and the answer says why', async () => {
    const id = await deployed(t, 'ada');
    const { body } = await t
      .as('ada')
      .post(`/api/deployment/${id}/stop`)
      .set('If-Match', `W/${await etagOf(id)}`)
      .expect(412);
    expect((body as { detail: string }).detail).toMatch(/weak/);
  });
});

describe('If-None-Match', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  it('gives 304 on everything that can be read again', async () => {
    const id = await deployed(t, 'ada');
    const root = { admin: true };
    await t.as('root', root).get('/api/nodes').expect(200);
    for (const path of [
      ...['/openapi.json', '/docs', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui-init.js', '/api/nodes', '/api/deployment/list'],
      ...[`/api/deployment/${id}`, `/api/deployment/${id}/history`, '/api/operations', '/api/notifications/webhooks'],
      ...['/api/admin/retention-policies', `/api/events?deployment_id=${id}`],
    ]) {
      for (let tries = 1; ; tries++) {
        const { headers } = await t.as('root', root).get(path).expect(200);
        const etag = String(headers.etag);
        expect([path, etag]).toEqual([path, expect.stringMatching(/^(W\/)?"[^"]+"$/)]);
        const again = await t
          .as('root', root)
          .get(path)
          .set('If-None-Match', `"other", W/${etag.replace('W/', '')}`);
        // What the worker has just seen of the nodes may have moved in between.
        if (again.status !== 304 && tries < 20) continue;
        expect([path, again.status, again.text, again.headers['content-length']]).toEqual([path, 304, '', undefined]);
        expect([again.headers.etag, again.headers['cache-control']]).toEqual([etag, headers['cache-control']]);
        expect(headers['cache-control']).not.toContain('no-store');
        break;
      }
      await t.as('root', root).get(path).set('If-None-Match', '"other", nonsense').expect(200);
    }
  });

  it('answers HEAD alike', async () => {
    const { headers } = await t.http.head('/openapi.json').expect(200);
    expect(Number(headers['content-length'])).toBeGreaterThan(10_000);
    await t.http.head('/openapi.json').set('If-None-Match', String(headers.etag)).expect(304);
  });

  it('never stays while the body changes', async () => {
    const id = await deployed(t, 'ada');
    const read = async () => await t.as('ada').get(`/api/deployment/${id}`).expect(200);
    const before = await read();
    await t.dataSource.query(`UPDATE deployment_replicas SET reason = 'Changed by hand' WHERE deployment_id = $1`, [id]);
    const after = await read();
    expect(after.text).not.toBe(before.text);
    expect(after.headers.etag).not.toBe(before.headers.etag);
    expect(after.headers.etag?.split('.')[0]).toBe(before.headers.etag?.split('.')[0]);
  });

  it('is not for what must be kept nowhere', async () => {
    for (const path of ['/health/live', '/api/auth/me']) {
      const { headers } = await t.as('ada').get(path).expect(200);
      expect([path, headers.etag, headers['cache-control']]).toEqual([path, undefined, 'no-store']);
    }
    const { headers } = await t.as('ada').get('/api/nowhere').expect(404);
    expect([headers.etag, headers['cache-control']]).toEqual([undefined, 'no-store']);
  });
});
