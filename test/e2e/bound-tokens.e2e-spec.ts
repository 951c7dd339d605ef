import { aSpec, deploy, deployed } from '../support/deployments';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

let t: TestApp;
let team: { id: string; name: string };
beforeAll(async () => {
  t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0' } });
  await t.token('root', { admin: true });
  team = await aProject(t, 'ada', { bob: 'maintainer', eve: 'viewer' });
});
afterAll(() => t?.close());

const make = (user: string, over: object) =>
  t
    .as(user)
    .post('/api/auth/tokens')
    .send({ name: 'ci', ...over });
type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
const withToken = (token: string) => (method: Method, path: string) => t.http[method](path).set('Authorization', `Bearer ${token}`);
const bound = async (user: string, role: string, project = team.name) => {
  const { body } = await make(user, { project, role }).expect(201);
  return withToken((body as { token: string }).token);
};

describe('a token that is bound to a project', () => {
  it('works there, in its role, and its project is the one that requests without a project mean', async () => {
    const own = await deployed(t, 'ada');
    const shared = await deploy(t, 'ada', { project: team.name });
    const as = await bound('ada', 'deployer');
    const made = await as('post', '/api/deployment/deploy')
      .send(aSpec({ name: 'by-token' }))
      .expect(202);
    const { body } = await as('get', `/api/deployment/${(made.body as { deployment_id: string }).deployment_id}`).expect(200);
    expect(body).toMatchObject({ project_id: team.id, project: team.name });
    await as('get', '/api/deployment/named/by-token').expect(200);
    const listed = (await as('get', '/api/deployment/list').expect(200)).body as { id: string }[];
    expect(listed.map(({ id }) => id)).toEqual(expect.arrayContaining([shared]));
    expect(listed.map(({ id }) => id)).not.toContain(own);
    for (const path of [`status/${own}`, own, `${own}/history`, `${own}/revisions`, `${own}/events`])
      expect([path, (await as('get', `/api/deployment/${path}`)).status]).toEqual([path, 404]);
    expect((await as('delete', `/api/deployment/${own}`).expect(404)).body.code).toBe('not_found');
    await as('post', '/api/deployment/deploy')
      .send(aSpec({ project: 'ada' }))
      .expect(404);
    const projects = (await as('get', '/api/projects').expect(200)).body as object[];
    expect(projects).toEqual([expect.objectContaining({ id: team.id, role: 'deployer' })]);
    await as('get', `/api/projects/${await t.userId('ada')}`).expect(404);
    await as('post', `/api/deployment/${shared}/move`).send({ project: 'ada' }).expect(403);
    await as('delete', `/api/deployment/${shared}`).expect(200);
  });

  it('has nothing that is personal, makes no tokens, and is never an administrator', async () => {
    const as = await bound('ada', 'maintainer');
    for (const [method, path] of [
      ...([
        ['post', '/api/auth/tokens'],
        ['get', '/api/auth/tokens'],
        ['patch', '/api/auth/me'],
        ['post', '/api/projects'],
      ] as const),
      ...([
        ['put', `/api/projects/${team.id}/members/eve`],
        ['patch', `/api/projects/${team.id}`],
        ['get', '/api/events'],
      ] as const),
      ...([
        ['get', '/api/nodes'],
        ['get', '/api/operations'],
        ['post', '/api/deployment/bulk-delete'],
        ['get', '/api/users'],
      ] as const),
    ])
      expect([path, (await as(method, path)).body.code]).toEqual([path, 'bound_token']);
    await t
      .as('root')
      .put(`/api/projects/${(await aProject(t, 'root')).id}/quota`)
      .send({})
      .expect(200);
    const shared = await aProject(t, 'root');
    const root = await bound('root', 'maintainer', shared.name);
    const foreign = await deployed(t, 'ada');
    await root('get', `/api/deployment/${foreign}`).expect(404);
    expect((await root('post', `/api/deployment/${foreign}/force-release`).send({ reason: 'x' }).expect(403)).body.code).toBe(
      'admin_required',
    );
    expect((await make('root', { project: team.name, role: 'viewer' }).expect(404)).body.code).toBe('not_found');
  });

  it('never has more than its user has, and ends with the membership at once', async () => {
    const id = await deploy(t, 'ada', { project: team.name });
    const [viewer, ofViewer, ofBob] = [await bound('bob', 'viewer'), await bound('eve', 'maintainer'), await bound('bob', 'deployer')];
    for (const as of [viewer, ofViewer]) {
      await as('get', `/api/deployment/${id}`).expect(200);
      const refused = await as('post', `/api/deployment/${id}/stop`).expect(403);
      expect(refused.body).toMatchObject({ code: 'role_required', needed_role: 'deployer', role: 'viewer' });
      await as('post', '/api/deployment/deploy').send(aSpec()).expect(403);
    }
    await ofBob('post', `/api/deployment/scale/${id}`).send({ replicas: 2 }).expect(200);
    await t.as('ada').put(`/api/projects/${team.id}/members/bob`).send({ role: 'viewer' }).expect(200);
    await ofBob('post', `/api/deployment/scale/${id}`).send({ replicas: 1 }).expect(403);
    await t.as('ada').delete(`/api/projects/${team.id}/members/bob`).expect(204);
    await ofBob('get', `/api/deployment/${id}`).expect(404);
    await ofBob('post', '/api/deployment/deploy').send(aSpec()).expect(404);
    expect((await ofBob('get', '/api/projects').expect(200)).body).toEqual([]);
    await t.as('ada').put(`/api/projects/${team.id}/members/bob`).send({ role: 'deployer' }).expect(200);
    await ofBob('post', `/api/deployment/scale/${id}`).send({ replicas: 1 }).expect(200);
  });

  it('sees the volumes of its project, and deletes them as a maintainer', async () => {
    const { id, name } = await aProject(t, 'ada');
    await t.dataSource.query(`INSERT INTO volumes (project_id, name, size_gb, user_id) VALUES ($1, 'data', 1, $2)`, [
      id,
      await t.userId('ada'),
    ]);
    const at = `/api/projects/${id}/volumes`;
    const [deployer, maintainer] = [await bound('ada', 'deployer', name), await bound('ada', 'maintainer', name)];
    expect((await deployer('get', at).expect(200)).body).toEqual([expect.objectContaining({ name: 'data', state: 'waiting' })]);
    await deployer('get', `${at}/data`).expect(200);
    expect((await deployer('delete', `${at}/data`).expect(403)).body).toMatchObject({ code: 'role_required', needed_role: 'maintainer' });
    const elsewhere = await bound('ada', 'maintainer');
    await elsewhere('get', at).expect(404);
    await elsewhere('delete', `${at}/data`).expect(404);
    await maintainer('delete', `${at}/data`).expect(202);
  });

  it('can be bound to the personal project, also to look only', async () => {
    const id = await deployed(t, 'bob');
    const as = await bound('bob', 'viewer', 'bob');
    await as('get', `/api/deployment/${id}`).expect(200);
    await as('delete', `/api/deployment/${id}`).expect(403);
    await as('post', '/api/deployment/deploy').send(aSpec()).expect(403);
  });

  it('is listed with its project, and ends like others; faults of the body are named', async () => {
    const { body } = await make('ada', { project: team.name.toUpperCase(), role: 'viewer' }).expect(201);
    expect(body).toMatchObject({ project: team.name, project_id: team.id, role: 'viewer' });
    const listed = (await t.as('ada').get('/api/auth/tokens').expect(200)).body as { id: string }[];
    expect(listed.find(({ id }) => id === body.id)).toMatchObject({ project: team.name, role: 'viewer' });
    const whole = (await make('ada', {}).expect(201)).body as object;
    expect(whole).toMatchObject({ project: null, project_id: null, role: null });
    expect((await make('ada', { project: team.name }).expect(422)).body.errors[0].pointer).toBe('/role');
    expect((await make('ada', { role: 'viewer' }).expect(422)).body.errors[0].pointer).toBe('/project');
    await make('ada', { project: team.name, role: 'owner' }).expect(422);
    await make('ada', { project: 'no-such-project', role: 'viewer' }).expect(404);
    const as = withToken(body.token as string);
    await as('get', '/api/auth/me').expect(200);
    await t
      .as('ada')
      .delete(`/api/auth/tokens/${body.id as string}`)
      .expect(204);
    await until(async () => (await as('get', '/api/auth/me')).status === 401);
  });

  it('does not get the kept answer to a request that its user has made with another credential', async () => {
    const spec = aSpec({ project: 'ada' });
    await t.as('ada').post('/api/deployment/deploy').set('Idempotency-Key', 'shared').send(spec).expect(202);
    const as = await bound('ada', 'deployer');
    await as('post', '/api/deployment/deploy').set('Idempotency-Key', 'shared').send(spec).expect(404);
  });
});
