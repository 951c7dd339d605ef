import { randomUUID } from 'node:crypto';
import { aSpec, deploy, deployed, ISO_TIME, UNKNOWN_ID } from '../support/deployments';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const direct = (role: string) => ({ role, direct_role: role, group_role: null });
const NOTHING = { deployments: 0, replicas: 0, cpu_cores: 0, memory_mb: 0, gpu_units: 0, storage_gb: 0 };

describe('/api/projects', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0' } });
    await Promise.all(['ada', 'bob', 'cyd', 'eve'].map((user) => t.userId(user)));
    await t.token('root', { admin: true });
  });
  afterAll(() => t?.close());

  const rolesIn = async (id: string): Promise<Record<string, string>> => {
    const { body } = await t.as('root').get(`/api/projects/${id}/members?limit=100`).expect(200);
    return Object.fromEntries((body as { username: string; role: string }[]).map(({ username, role }) => [username, role]));
  };

  it('gives everybody a personal project with the user, which holds what the user deploys', async () => {
    const id = await t.userId('ada');
    const before = await t.as('ada').get(`/api/projects/${id}`).expect(200);
    expect(before.body).toEqual({
      ...{ id, name: 'ada', description: '', personal: true, role: 'maintainer', members: 1, usage: NOTHING },
      ...{ created_at: expect.stringMatching(ISO_TIME), updated_at: expect.stringMatching(ISO_TIME) },
      ...{ quota: expect.any(Object), own_quota: {} },
    });
    await deployed(t, 'ada', { replicas: 2, resources: { cpu: 0.5, memory: 512, storage: 2 } });
    const after = await t.as('ada').get(`/api/projects/${id}`).expect(200);
    expect(after.body.usage).toEqual({ deployments: 1, replicas: 2, cpu_cores: 1, memory_mb: 1024, gpu_units: 0, storage_gb: 4 });
    for (const answer of [
      await t.as('ada').patch(`/api/projects/${id}`).send({ name: 'other' }),
      await t.as('ada').delete(`/api/projects/${id}`),
      await t.as('ada').put(`/api/projects/${id}/members/bob`).send({ role: 'viewer' }),
      await t.as('ada').delete(`/api/projects/${id}/members/ada`),
    ])
      expect([answer.status, answer.body.code]).toEqual([409, 'conflict']);
  });

  it('makes, lists, renames and deletes projects', async () => {
    const made = await t.as('bob').post('/api/projects').send({ name: 'Web-Team', description: 'The shop' }).expect(201);
    const { id } = made.body as { id: string };
    expect(made.headers).toMatchObject({ location: `/api/projects/${id}`, etag: '"1"' });
    expect(made.body).toMatchObject({
      name: 'web-team',
      description: 'The shop',
      personal: false,
      role: 'maintainer',
      members: 1,
      usage: NOTHING,
    });
    const taken = await t.as('ada').post('/api/projects').send({ name: 'web-TEAM' }).expect(409);
    expect(taken.body).toMatchObject({ code: 'already_exists', detail: 'The name web-team is taken by a project or a user' });
    await t.as('ada').post('/api/projects').send({ name: 'bob' }).expect(409);

    const list = await t.as('bob').get('/api/projects?limit=1').expect(200);
    expect(list.headers['x-total-count']).toBe('2');
    expect(list.body).toEqual([expect.objectContaining({ name: 'bob', personal: true })]);
    const second = await t.as('bob').get('/api/projects?limit=1&offset=1').expect(200);
    expect(second.body).toEqual([expect.objectContaining({ id, name: 'web-team' })]);
    await t.as('bob').get('/api/projects?all_users=true').expect(403);
    expect((await t.as('root').get('/api/projects?all_users=true&limit=100').expect(200)).body).toEqual(
      expect.arrayContaining([expect.objectContaining({ id }), expect.objectContaining({ name: 'ada' })]),
    );

    await t.as('bob').patch(`/api/projects/${id}`).set('If-Match', '"7"').send({ name: 'shop-team' }).expect(412);
    const renamed = await t.as('bob').patch(`/api/projects/${id}`).set('If-Match', '"1"').send({ name: 'shop-team' }).expect(200);
    expect(renamed.body).toMatchObject({ name: 'shop-team', description: 'The shop' });
    expect(renamed.headers.etag).toBe('"2"');

    const deployment = await deploy(t, 'bob', { project: 'Shop-Team' });
    const refused = await t.as('bob').delete(`/api/projects/${id}`).expect(409);
    expect(refused.body).toMatchObject({
      ...{ code: 'project_in_use', deployments: 1 },
      detail: 'Project shop-team has 1 live deployment; delete them first, or move them away',
    });
    await t.as('bob').delete(`/api/deployment/${deployment}?wait=60`).expect(200);
    const gone = await t.as('bob').delete(`/api/projects/${id}`).expect(200);
    expect(gone.body).toEqual({ success: true, project_id: id, message: 'Project shop-team deleted' });
    await t.as('bob').get(`/api/projects/${id}`).expect(404);
    const restore = await t.as('bob').post(`/api/deployment/${deployment}/restore`).expect(409);
    expect(restore.body.detail).toBe('The project shop-team of the deployment is deleted, so nothing can be restored into it');
    // The name is free again.
    await t.as('ada').post('/api/projects').send({ name: 'shop-team' }).expect(201);
  });

  it.each(['ab', 'x'.repeat(51), '-web', 'web-', 'web_team', 'web team', '123e4567-e89b-42d3-a456-426614174000', ''])(
    'refuses the name %j',
    async (name) => {
      const { body } = await t.as('bob').post('/api/projects').send({ name }).expect(422);
      expect(body.errors[0].pointer).toBe('/name');
    },
  );

  it('has members with roles, by name, whom only maintainers change; everybody may leave', async () => {
    const { id } = await aProject(t, 'ada', { bob: 'viewer' });
    const members = await t.as('bob').get(`/api/projects/${id}/members`).expect(200);
    expect(members.headers['x-total-count']).toBe('2');
    expect(members.body).toEqual([
      {
        user_id: await t.userId('ada'),
        username: 'ada',
        is_active: true,
        ...direct('maintainer'),
        added_at: expect.stringMatching(ISO_TIME),
      },
      { user_id: await t.userId('bob'), username: 'bob', is_active: true, ...direct('viewer'), added_at: expect.stringMatching(ISO_TIME) },
    ]);
    const put = (who: string, user: string, role: string) => t.as(who).put(`/api/projects/${id}/members/${user}`).send({ role });
    const refused = await put('bob', 'bob', 'maintainer').expect(403);
    expect(refused.body).toMatchObject({
      ...{ code: 'role_required', needed_role: 'maintainer', role: 'viewer' },
      detail: 'This needs the role maintainer in the project; yours is viewer',
    });
    await put('eve', 'eve', 'viewer').expect(404);
    await put('ada', UNKNOWN_ID, 'viewer').expect(404);
    await put('ada', await t.userId('cyd'), 'deployer').expect(200);
    await put('ada', 'cyd', 'deployer').expect(200);
    await t.as('cyd').delete(`/api/projects/${id}/members/bob`).expect(403);
    await t.as('bob').delete(`/api/projects/${id}/members/bob`).expect(204);
    await t.as('bob').get(`/api/projects/${id}`).expect(404);
    expect(await rolesIn(id)).toEqual({ ada: 'maintainer', cyd: 'deployer' });
    const last = await t.as('ada').delete(`/api/projects/${id}/members/ada`).expect(409);
    expect(last.body.detail).toBe('This is the last maintainer of the project. Make somebody else a maintainer first.');
    await put('ada', 'ada', 'viewer').expect(409);
    const audited = await t.dataSource.query<{ action: string; after: unknown }[]>(
      `SELECT action, after FROM audit_log WHERE resource_id = $1 AND outcome = 'done' ORDER BY id`,
      [id],
    );
    expect(audited.map(({ action }) => action)).toEqual([
      ...['project.create', 'project.put_member', 'project.put_member', 'project.remove_member'],
    ]);
    const told = await until(async () => {
      const { body } = await t.as('bob').get('/api/events?types=fog.project.joined,fog.project.left').expect(200);
      const types = (body.events as { type: string }[]).map(({ type }) => type);
      return types.at(-1) === 'fog.project.left' ? types : null;
    });
    expect(told.slice(-2)).toEqual(['fog.project.joined', 'fog.project.left']);
  });

  it('tell all who are in them when they are deleted, and nobody else', async () => {
    const { id, name } = await aProject(t, 'ada', { bob: 'viewer', cyd: 'maintainer', dan: 'viewer' });
    await t.as('ada').delete(`/api/projects/${id}/members/dan`).expect(204);
    await t.as('cyd').delete(`/api/projects/${id}`).expect(200);
    const told = async (user: string) => {
      const { body } = await t.as(user).get('/api/events?types=fog.project.deleted').expect(200);
      return (body.events as { data: { project_id: string } }[]).map(({ data }) => data).filter(({ project_id }) => project_id === id);
    };
    const news = [{ project_id: id, project: name, changed_by: await t.userId('cyd') }];
    await until(async () => (await told('bob')).length > 0, { what: 'the news' });
    for (const user of ['ada', 'bob', 'cyd']) expect([user, await told(user)]).toEqual([user, news]);
    for (const user of ['dan', 'eve']) expect([user, await told(user)]).toEqual([user, []]);
  });

  it('shows strangers the same 404 for what is there and what is not', async () => {
    const { id } = await aProject(t, 'ada');
    for (const call of [
      (ref: string) => t.as('eve').get(`/api/projects/${ref}`),
      (ref: string) => t.as('eve').patch(`/api/projects/${ref}`).send({ description: 'x' }),
      (ref: string) => t.as('eve').delete(`/api/projects/${ref}`),
      (ref: string) => t.as('eve').get(`/api/projects/${ref}/members`),
      (ref: string) => t.as('eve').put(`/api/projects/${ref}/members/eve`).send({ role: 'viewer' }),
      (ref: string) => t.as('eve').delete(`/api/projects/${ref}/members/eve`),
      (ref: string) =>
        t
          .as('eve')
          .post('/api/deployment/deploy')
          .send(aSpec({ project: ref })),
    ]) {
      const [there, missing] = [await call(id), await call(UNKNOWN_ID)];
      expect([there.status, missing.status]).toEqual([404, 404]);
      expect(there.body.detail).toBe(`Project ${id} not found or access denied`);
      expect(missing.body.detail).toBe(`Project ${UNKNOWN_ID} not found or access denied`);
    }
  });

  it('answers a repeated request with the first answer', async () => {
    const key = randomUUID();
    const post = () =>
      t
        .as('cyd')
        .post('/api/projects')
        .set('Idempotency-Key', key)
        .send({ name: `k-${key.slice(0, 8)}` });
    const [first, second] = [await post().expect(201), await post().expect(201)];
    expect(second.body).toEqual(first.body);
  });

  it('keeps one maintainer when two demote each other at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id } = await aProject(t, 'ada', { bob: 'maintainer' });
      const demote = (who: string, user: string) => t.as(who).put(`/api/projects/${id}/members/${user}`).send({ role: 'viewer' });
      const answers = await Promise.all([demote('ada', 'bob'), demote('bob', 'ada')]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 403]);
      expect(Object.values(await rolesIn(id)).sort()).toEqual(['maintainer', 'viewer']);
    }
  });

  it('lets one of two requests that leave at once go when both are the last maintainers', async () => {
    const { id } = await aProject(t, 'ada', { bob: 'maintainer' });
    const answers = await Promise.all(['ada', 'bob'].map((user) => t.as(user).delete(`/api/projects/${id}/members/${user}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 409]);
  });

  it('adds nobody to a project that is deleted at the same time, and deploys nothing into it', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id } = await aProject(t, 'ada', { bob: 'deployer' });
      const [removed, put, deploying] = await Promise.all([
        t.as('ada').delete(`/api/projects/${id}`),
        t.as('ada').put(`/api/projects/${id}/members/cyd`).send({ role: 'viewer' }),
        t
          .as('bob')
          .post('/api/deployment/deploy')
          .send(aSpec({ project: id })),
      ]);
      expect([200, 404]).toContain(put.status);
      expect([removed.status, deploying.status].join()).toMatch(/^(200,404|409,202)$/);
      const [row] = await t.dataSource.query<[{ live: number; deleted: boolean }]>(
        `SELECT p.deleted_at IS NOT NULL AS deleted,
                (SELECT count(*)::int FROM deployments WHERE project_id = p.id AND deleted_at IS NULL) AS live FROM projects AS p WHERE p.id = $1`,
        [id],
      );
      expect(row).toEqual(removed.status === 200 ? { deleted: true, live: 0 } : { deleted: false, live: 1 });
    }
  });

  it('gives one name to one of two projects, and to a user or a project', async () => {
    const name = 'contested';
    const answers = await Promise.all(['ada', 'bob'].map((user) => t.as(user).post('/api/projects').send({ name })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    const account = { username: name, email: 'contested@example.org', password: 'Correct-Horse-7' };
    const refused = await t.as('root').post('/api/users').send(account).expect(409);
    expect(refused.body.detail).toBe('The username is already taken.');
  });
});
