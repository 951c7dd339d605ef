import { bearer } from '../support/auth-users';
import { aSpec, deployed, finishTeardowns, UNKNOWN_ID } from '../support/deployments';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const RESOURCES = { cpu: 0.5, memory: 512, storage: 2 };

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0', MAX_DEPLOYMENTS_PER_USER: '50', MAX_PORTS_PER_PROJECT: '1000' } });
  await Promise.all(['ada', 'bob', 'cyd'].map((user) => t.userId(user)));
  await t.token('root', { admin: true });
});
afterEach(() => finishTeardowns(t.dataSource));
afterAll(() => t?.close());

const deploy = (user: string, over: object = {}) =>
  t
    .as(user)
    .post('/api/deployment/deploy')
    .send(aSpec({ resources: RESOURCES, ...over }));
const limit = (id: string, quota: object) => t.as('root').put(`/api/projects/${id}/quota`).send(quota).expect(200);
const usesOf = async (id: string, user = 'root'): Promise<Record<string, { limit: number | null; used: number }>> =>
  (await t.as(user).get(`/api/projects/${id}`).expect(200)).body.quota;
const usedOf = async (id: string): Promise<Record<string, number>> =>
  Object.fromEntries(Object.entries(await usesOf(id)).map(([held, { used }]) => [held, used]));

describe('the quota of a project', () => {
  it.each([
    ['deployments', 2, { replicas: 1 }],
    ['replicas', 4, { replicas: 2 }],
    ['cpu_cores', 1.5, { replicas: 1, resources: { ...RESOURCES, cpu: 0.75 } }],
    ['memory_mb', 2048, { replicas: 2 }],
    ['gpu_units', 2, { replicas: 1, resources: { ...RESOURCES, gpu: 1 } }],
    ['storage_gb', 8, { replicas: 2 }],
    ['ports', 4, { replicas: 2, ports: [{ container_port: 80 }] }],
  ])('limits %s to %d, exactly, also in a race of members', async (quota, most, over) => {
    const { id, name } = await aProject(t, 'ada', { bob: 'deployer' });
    await limit(id, { [quota]: most });
    const answers = await Promise.all(Array.from({ length: 6 }, (_unused, n) => deploy(n % 2 ? 'ada' : 'bob', { ...over, project: name })));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(2);
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused).toHaveLength(4);
    expect(refused[0]!.body).toMatchObject({
      code: 'quota_exceeded',
      quota,
      holder: 'project',
      limit: most,
      used: most,
      requested: most / 2,
    });
    expect(refused[0]!.body.detail).toMatch(new RegExp(`^The quota of project ${name} allows ${String(most)} `));
    expect((await usesOf(id, 'bob'))[quota]).toEqual({ limit: most, used: most });
    // Nobody else is concerned.
    await deploy('bob', over).expect(202);
  });

  it('counts the values of secrets, exactly, also in a race of members, and for who has set them', async () => {
    const { id } = await aProject(t, 'ada', { bob: 'maintainer' });
    await limit(id, { stored_bytes: 100 });
    const storedBy = async (user: string) => (await usedOf(await t.userId(user))).stored_bytes!;
    const before = { ada: await storedBy('ada'), bob: await storedBy('bob') };
    const set = (user: string, name: string, value: string) => t.as(user).put(`/api/projects/${id}/secrets/${name}`).send({ value });
    const answers = await Promise.all(Array.from({ length: 6 }, (_unused, n) => set(n % 2 ? 'ada' : 'bob', `s${n}`, 'x'.repeat(50))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused).toHaveLength(4);
    expect(refused[0]!.body).toMatchObject({ code: 'quota_exceeded', quota: 'stored_bytes', holder: 'project', used: 100, requested: 50 });
    // Bob takes all of them over, and there is room for what is no longer than before.
    const names = answers.flatMap(({ status }, n) => (status === 200 ? [`s${n}`] : []));
    for (const name of names) await set('bob', name, 'y'.repeat(40)).expect(200);
    expect((await usedOf(id)).stored_bytes).toBe(80);
    expect({ ada: await storedBy('ada'), bob: await storedBy('bob') }).toEqual({ ada: before.ada, bob: before.bob + 80 });
  });

  it('counts the copies of secrets that deployments keep, of one as of many', async () => {
    const { id, name } = await aProject(t, 'ada');
    await t
      .as('ada')
      .put(`/api/projects/${id}/secrets/large`)
      .send({ value: 'x'.repeat(60_000) })
      .expect(200);
    await limit(id, { stored_bytes: 200_000 });
    const body = (of: string) => ({ ...aSpec({ name: of, replicas: 1 }), secret_env: { LARGE: 'large' } });
    const one = (of: string, path = '') =>
      t
        .as('ada')
        .post(`/api/deployment/deploy${path}`)
        .send({ ...body(of), project: name });
    const many = (...of: string[]) =>
      t
        .as('ada')
        .post('/api/deployment/bulk-deploy')
        .send({ project: name, deployments: of.map(body) });
    await one('first', '/preview').expect(200);
    await one('first').expect(202);
    await many('second').expect(200);
    expect((await usedOf(id)).stored_bytes).toBeGreaterThan(180_000);
    for (const path of ['', '/preview'])
      expect((await one('third', path).expect(409)).body).toMatchObject({
        code: 'quota_exceeded',
        quota: 'stored_bytes',
        holder: 'project',
      });
    const { body: answer } = await many('third');
    expect(JSON.stringify(answer)).toContain('stored_bytes');
  });

  it('is asked by scale, change, rollback, bulk deploy and restore', async () => {
    const { id, name } = await aProject(t, 'ada');
    // Its rollouts need no more room than its replicas.
    const rollout = { max_surge: 0, max_unavailable: 1, min_healthy_seconds: 0 };
    const deployment = await deployed(t, 'ada', { replicas: 2, project: name, resources: RESOURCES, rollout });
    await limit(id, { cpu_cores: 2 });
    const at = `/api/deployment/${deployment}`;
    const scale = await t.as('ada').post(`/api/deployment/scale/${deployment}`).send({ replicas: 5 }).expect(409);
    expect(scale.body).toMatchObject({ quota: 'cpu_cores', limit: 2, used: 1, requested: 1.5 });
    const change = await t
      .as('ada')
      .patch(at)
      .send({ resources: { cpu: 1.5 } })
      .expect(409);
    expect(change.body).toMatchObject({ quota: 'cpu_cores', used: 1, requested: 2 });
    const both = await t
      .as('ada')
      .patch(at)
      .send({ replicas: 3, resources: { cpu: 1 } })
      .expect(409);
    expect(both.body).toMatchObject({ quota: 'cpu_cores', used: 1, requested: 2 });
    expect(await usedOf(id)).toMatchObject({ replicas: 2, cpu_cores: 1 });

    await t
      .as('ada')
      .patch(at)
      .send({ resources: { cpu: 1 } })
      .expect(202);
    // The larger of both revisions counts while the rollout is open, so going back needs nothing.
    expect(await usedOf(id)).toMatchObject({ replicas: 2, cpu_cores: 2 });
    await until(async () => (await t.as('ada').get(at)).body.rollout.state === 'completed');
    await t
      .as('ada')
      .patch(at)
      .send({ resources: { cpu: 0.5 } })
      .expect(202);
    await until(async () => (await t.as('ada').get(at)).body.rollout.state === 'completed');
    // Those of before count until they are gone.
    await until(async () => (await usedOf(id)).replicas === 2);
    expect(await usedOf(id)).toMatchObject({ replicas: 2, cpu_cores: 1 });
    await deploy('ada', { replicas: 1, project: name }).expect(202);
    expect((await t.as('ada').post(`${at}/rollback`).send({}).expect(409)).body).toMatchObject({ quota: 'cpu_cores', used: 1.5 });

    const bulk = { project: name, deployments: [1, 1, 1].map((replicas) => aSpec({ replicas, resources: RESOURCES })) };
    const items = (await t.as('ada').post('/api/deployment/bulk-deploy').send(bulk).expect(200)).body.items as { code: string | null }[];
    expect(items.map(({ code }) => code)).toEqual([null, 'quota_exceeded', 'quota_exceeded']);

    await t.as('ada').delete(`${at}?keep_warm=1h&wait=20`).expect(200);
    expect(await usedOf(id)).toMatchObject({ deployments: 2, kept_deployments: 1, replicas: 4, cpu_cores: 2 });
    expect((await deploy('ada', { replicas: 1, project: name }).expect(409)).body).toMatchObject({ quota: 'cpu_cores', used: 2 });
    await t.as('ada').post(`${at}/restore`).expect(202);
    expect(await usedOf(id)).toMatchObject({ deployments: 3, kept_deployments: 0, replicas: 4, cpu_cores: 2 });
    await t.as('ada').delete(`${at}?wait=20`).expect(200);
    await deploy('ada', { replicas: 2, project: name }).expect(202);
    expect((await t.as('ada').post(`${at}/restore`).expect(409)).body).toMatchObject({ code: 'quota_exceeded', used: 2, requested: 1 });
    const preview = (await t.as('ada').post(`${at}/restore?dry_run=true`).expect(200)).body as { obstacles: { code: string }[] };
    expect(preview.obstacles.map(({ code }) => code)).toEqual(['quota_exceeded']);
  });

  it('counts what is stopped, so that a start needs nothing; and a limit that is lowered only stops growth', async () => {
    const { id, name } = await aProject(t, 'ada');
    const deployment = await deployed(t, 'ada', { replicas: 2, project: name, resources: RESOURCES });
    await t.as('ada').post(`/api/deployment/${deployment}/stop`).expect(202);
    expect(await usedOf(id)).toMatchObject({ replicas: 2, cpu_cores: 1 });
    const lowered = await limit(id, { replicas: 1 });
    expect(lowered.body).toMatchObject({ own_quota: { replicas: 1 }, quota: { replicas: { limit: 1, used: 2 }, ports: { limit: 1000 } } });
    await t.as('ada').post(`/api/deployment/${deployment}/start`).expect(202);
    await until(async () => (await t.as('ada').get(`/api/deployment/${deployment}`)).body.status === 'running');
    await t
      .as('ada')
      .patch(`/api/deployment/${deployment}`)
      .send({ env: { A: '1' } })
      .expect(202);
    await deploy('ada', { replicas: 1, project: name }).expect(409);
    await t.as('ada').post(`/api/deployment/scale/${deployment}`).send({ replicas: 1 }).expect(200);
    await deploy('ada', { replicas: 1, project: name }).expect(409);
  });

  it('is asked where a deployment is moved to', async () => {
    const [from, to] = [await aProject(t, 'ada'), await aProject(t, 'ada')];
    const id = await deployed(t, 'ada', { replicas: 2, project: from.name, resources: RESOURCES });
    await limit(to.id, { memory_mb: 1000 });
    const refused = await t.as('ada').post(`/api/deployment/${id}/move`).send({ project: to.name }).expect(409);
    expect(refused.body).toMatchObject({ quota: 'memory_mb', holder: 'project', limit: 1000, used: 0, requested: 1024 });
    await limit(to.id, { memory_mb: 1024 });
    await t.as('ada').post(`/api/deployment/${id}/move`).send({ project: to.name }).expect(200);
    expect((await usedOf(from.id)).memory_mb).toBe(0);
    expect((await usedOf(to.id)).memory_mb).toBe(1024);
  });

  it('is set by administrators only, with an audit entry and another version; faults are named', async () => {
    const { id } = await aProject(t, 'ada');
    expect((await t.as('ada').put(`/api/projects/${id}/quota`).send({}).expect(403)).body.code).toBe('admin_required');
    await t.as('root').put(`/api/projects/${UNKNOWN_ID}/quota`).send({}).expect(404);
    await t.as('root').put(`/api/projects/${id}/quota`).set('If-Match', '"7"').send({}).expect(412);
    for (const wrong of [{ replicas: -1 }, { replicas: 1.5 }, { cpu_cores: 0.0001 }, { cpus: 1 }, { replicas: '1' }, { ports: 1e13 }])
      await t.as('root').put(`/api/projects/${id}/quota`).send(wrong).expect(422);
    const set = await t
      .as('root')
      .put(`/api/projects/${id}/quota`)
      .set('If-Match', '"1"')
      .send({ cpu_cores: 1.5, ports: null })
      .expect(200);
    expect(set.headers.etag).toBe('"2"');
    expect(set.body).toMatchObject({ own_quota: { cpu_cores: 1.5, ports: null }, quota: { ports: { limit: null } } });
    const [row] = await t.dataSource.query<object[]>(
      `SELECT before, after FROM audit_log WHERE action = 'project.set_quota' AND resource_id = $1 AND after IS NOT NULL`,
      [id],
    );
    expect(row).toEqual({ before: { quota: {} }, after: { quota: { cpu_cores: 1.5, ports: null } } });
    expect((await limit(id, {})).body).toMatchObject({ own_quota: {}, quota: { ports: { limit: 1000 }, cpu_cores: { limit: null } } });
  });
});

describe('an administrator', () => {
  it('ends warmth: what was kept of a deployment no longer counts, and the audit log says so', async () => {
    const { id, name } = await aProject(t, 'ada');
    const deployment = await deployed(t, 'ada', { replicas: 2, project: name, resources: RESOURCES });
    await t.as('ada').delete(`/api/deployment/${deployment}?keep_warm=1h&wait=20`).expect(200);
    expect(await usedOf(id)).toMatchObject({ deployments: 0, replicas: 2, cpu_cores: 1 });
    await t.as('root').delete(`/api/deployment/${deployment}?force=true&wait=20`).expect(200);
    expect(await usedOf(id)).toMatchObject({ deployments: 0, replicas: 0, cpu_cores: 0 });
    const rows = await t.dataSource.query<{ actor: string; after: object }[]>(
      `SELECT u.username AS actor, a.after FROM audit_log AS a JOIN users AS u ON u.id = a.actor_id
        WHERE a.action = 'deployment.delete' AND a.resource_id = $1 ORDER BY a.id`,
      [deployment],
    );
    expect(rows.map(({ actor }) => actor)).toEqual(['ada', 'root']);
    expect(rows[1]!.after).toMatchObject({ force: true });
  });
});

describe('the quota of a user', () => {
  it('counts what the user deploys anywhere, and is shown with the personal project', async () => {
    const id = await t.userId('cyd');
    const { name } = await aProject(t, 'cyd');
    const quota = { replicas: 3, gpu_units: 0 };
    expect((await t.as('root').patch(`/api/users/${id}`).send({ quota }).expect(200)).body.quota).toEqual(quota);
    await deploy('cyd', { replicas: 1 }).expect(202);
    await deploy('cyd', { replicas: 2, project: name }).expect(202);
    const refused = await deploy('cyd', { replicas: 1, project: name }).expect(409);
    expect(refused.body).toMatchObject({ quota: 'replicas', holder: 'user', limit: 3, used: 3, requested: 1 });
    expect((await deploy('cyd', { replicas: 1, resources: { ...RESOURCES, gpu: 1 } }).expect(409)).body.quota).toBe('replicas');
    const personal = (await t.as('cyd').get(`/api/projects/${id}`).expect(200)).body;
    expect(personal).toMatchObject({
      ...{ own_quota: quota, usage: { deployments: 1 } },
      quota: { deployments: { limit: 50, used: 2 }, replicas: { limit: 3, used: 3 }, gpu_units: { limit: 0, used: 0 } },
    });
    const list = (await t.as('cyd').get('/api/projects').expect(200)).body as object[];
    expect(list[0]).toEqual(personal);
    const [row] = await t.dataSource.query<object[]>(
      `SELECT before, after FROM audit_log WHERE action = 'user.set_quota' AND resource_id = $1 AND after IS NOT NULL`,
      [id],
    );
    expect(row).toEqual({ before: { quota: {} }, after: { quota } });
    await t.as('root').patch(`/api/users/${id}`).send({ quota: {} }).expect(200);
    await deploy('cyd', { replicas: 1, project: name }).expect(202);
  });

  it('is told in figures to nobody else: not to another member of the project, and not to a token that is bound to one', async () => {
    const owner = await t.userId('dee');
    const { id, name } = await aProject(t, 'dee', { bob: 'deployer' });
    await t
      .as('root')
      .patch(`/api/users/${owner}`)
      .send({ quota: { replicas: 3 } })
      .expect(200);
    await deploy('dee', { replicas: 1 }).expect(202);
    const deployment = await deployed(t, 'dee', { replicas: 1, project: name, resources: RESOURCES });
    const scale = (agent: ReturnType<TestApp['as']>) => agent.post(`/api/deployment/scale/${deployment}`).send({ replicas: 4 }).expect(409);
    expect((await scale(t.as('dee'))).body).toMatchObject({ quota: 'replicas', holder: 'user', limit: 3, used: 2, requested: 3 });
    expect((await scale(t.as('root'))).body).toMatchObject({ limit: 3, used: 2 });
    const { body } = await scale(t.as('bob'));
    expect(body).toMatchObject({ code: 'quota_exceeded', quota: 'replicas', holder: 'user', requested: 3 });
    expect(body.detail).toBe('The quota of the user for whom it counts does not allow 3 more replicas');
    for (const secret of ['limit', 'used']) expect(body).not.toHaveProperty(secret);
    const bound = async (project: string): Promise<string> => {
      const made = await t
        .as('dee')
        .post('/api/auth/tokens')
        .send({ name: `t-${project}`, project, role: 'deployer' })
        .expect(201);
      return (made.body as { token: string }).token;
    };
    const token = await bound(id);
    const refused = await t.http
      .post('/api/deployment/deploy')
      .set(bearer(token))
      .send(aSpec({ replicas: 2, resources: RESOURCES }))
      .expect(409);
    expect(refused.body).toMatchObject({ quota: 'replicas', holder: 'user', requested: 2 });
    expect(refused.body).not.toHaveProperty('used');
    const personal = await t.http
      .get(`/api/projects/${owner}`)
      .set(bearer(await bound(owner)))
      .expect(200);
    expect((personal.body as { quota: Record<string, object> }).quota.replicas).toEqual({ limit: 3, used: 1 });
    expect((await usesOf(owner, 'dee')).replicas).toEqual({ limit: 3, used: 2 });
  });

  it('is small for those who register by themselves, unless configured otherwise', async () => {
    const open = await startTestApp({ env: { REGISTRATION_QUOTA: 'deployments=1,gpu_units=0' } });
    try {
      const account = { username: 'eve', email: 'eve@example.org', password: 'Correct-Horse-7' };
      const { id } = (await open.http.post('/api/auth/register').send(account).expect(201)).body as { id: string };
      await open.token('root', { admin: true });
      const { body } = await open.as('root').get(`/api/users/${id}`).expect(200);
      expect(body.quota).toEqual({ deployments: 1, gpu_units: 0 });
    } finally {
      await open.close();
    }
  });
});
