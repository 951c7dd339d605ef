import { change, liveRevisions, QUICK, rolloutEnds } from '../support/changes';
import { aSpec, deploy, deployed, expectInvariants, reaches } from '../support/deployments';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

/** A simulated container writes this variable to its output, so a test sees the value that it runs with. */
const SHOWN = 'SIMULATED_LOG';

interface Log {
  replica_id: string;
  lines: string[];
}

describe('secrets of projects', () => {
  let t: TestApp;
  let project: string;
  beforeAll(async () => {
    t = await startTestApp();
    ({ id: project } = await aProject(t, 'ada', { ben: 'deployer', vic: 'viewer', max: 'maintainer' }));
  });
  afterAll(() => t?.close());

  const path = (name: string): string => `/api/projects/${project}/secrets/${name}`;
  const put = (name: string, value: string, { restart = false, user = 'ada' } = {}) =>
    t
      .as(user)
      .put(`${path(name)}${restart ? '?restart=true' : ''}`)
      .send({ value });
  const deployWith = (name: string, over: object = {}): Promise<string> =>
    deployed(t, 'ben', { project, secret_env: { [SHOWN]: name }, rollout: QUICK, ...over });
  /** What a running replica has written, once it has. */
  const spoken = (id: string): Promise<string> =>
    until(
      async () => {
        const { body } = await t.as('ben').get(`/api/deployment/status/${id}`).expect(200);
        const { replicas } = body as { replicas: { id: string; status: string }[] };
        const live = replicas.find(({ status }) => status === 'running');
        const logs = (await t.as('ben').get(`/api/deployment/${id}/logs?tail=5`).expect(200)).body as Log[];
        return logs.find(({ replica_id }) => replica_id === live?.id)?.lines.join('\n') ?? '';
      },
      { what: `a replica of ${id} to write` },
    );
  const fault = (body: unknown) => (body as { errors: { pointer: string; detail: string }[] }).errors[0];

  it('are written by maintainers, used by deployers, and seen by members without their values', async () => {
    const made = await put('roles', 'first-value').expect(200);
    expect(made.body).toMatchObject({ name: 'roles', version: 1, bytes: 11, deployments: 0, outdated: 0, restarted: 0 });
    expect((await put('roles', 'first-value', { user: 'max' }).expect(200)).body).toMatchObject({ version: 1 });
    expect((await put('roles', 'second-value').expect(200)).body).toMatchObject({ version: 2 });
    for (const user of ['ben', 'vic']) {
      await put('roles', 'x', { user }).expect(403);
      await t.as(user).delete(path('roles')).expect(403);
      const seen = await t.as(user).get(path('roles')).expect(200);
      expect(seen.text).not.toContain('value');
      await t.as(user).get(`/api/projects/${project}/secrets`).expect(200);
    }
    await t.as('eve').get(path('roles')).expect(404);
    await put('roles', 'x', { user: 'eve' }).expect(404);
    await t.as('ada').delete(path('roles')).expect(204);
    await t.as('ada').get(path('roles')).expect(404);
  });

  it('reach the container, and only their names are shown', async () => {
    await put('shown', 'the value of shown').expect(200);
    const id = await deployWith('shown', { env: { PLAIN: '1' } });
    expect(await spoken(id)).toContain('the value of shown');
    const { body, text } = await t.as('vic').get(`/api/deployment/${id}`).expect(200);
    expect(text).not.toContain('the value');
    const { secret_env, spec, env_names } = body as { secret_env: object; spec: { secret_env: object }; env_names: string[] };
    expect({ secret_env, again: spec.secret_env, env_names }).toEqual({
      ...{ secret_env: { [SHOWN]: 'shown' }, again: { [SHOWN]: 'shown' }, env_names: ['PLAIN'] },
    });
    const rows = await t.dataSource.query<{ row: string }[]>(`SELECT to_jsonb(v)::text AS row FROM deployment_revisions AS v`);
    expect(rows.filter(({ row }) => row.includes('the value'))).toEqual([]);
  });

  it('are refused by name where the project does not have them, in every kind of deploy', async () => {
    await t
      .as('ada')
      .put(`/api/projects/${(await aProject(t, 'ada', {})).id}/secrets/elsewhere`)
      .send({ value: 'x' })
      .expect(200);
    const body = aSpec({ project, secret_env: { TOKEN: 'elsewhere' } });
    const refused = await t.as('ben').post('/api/deployment/deploy').send(body).expect(422);
    expect(fault(refused.body)).toEqual({ pointer: '/secret_env/TOKEN', detail: 'the project has no secret elsewhere' });
    await t.as('ben').post('/api/deployment/deploy/preview').send(body).expect(422);
    const id = await deploy(t, 'ben', { project });
    expect(fault((await change(t, 'ben', id, { secret_env: { TOKEN: 'elsewhere' } }).expect(422)).body)?.pointer).toBe('/secret_env/TOKEN');
    const single = aSpec({ secret_env: { TOKEN: 'elsewhere' } });
    const many = await t
      .as('ben')
      .post('/api/deployment/bulk-deploy')
      .send({ project, deployments: [single, aSpec()] })
      .expect(200);
    const items = (many.body as { items: { state: string; detail: string | null }[] }).items;
    expect(items.map(({ state }) => state)).toEqual(['refused', 'created']);
    expect(items[0]?.detail).toContain('elsewhere');
  });

  it('are refused beside a variable of env with the same name, and with names or values that are none', async () => {
    const both = await t
      .as('ben')
      .post('/api/deployment/deploy')
      .send(aSpec({ project, env: { A: '1' }, secret_env: { A: 'shown' } }))
      .expect(422);
    expect(fault(both.body)?.pointer).toBe('/secret_env/A');
    await t
      .as('ben')
      .post('/api/deployment/deploy')
      .send(aSpec({ project, secret_env: { A: 'No Name' } }))
      .expect(422);
    await put('Not-A-Name', 'x').expect(400);
    for (const value of ['', 'a\0b', 'x'.repeat(65_537), 'ü'.repeat(32_769), '\ud800']) {
      const { body, text } = await put('bounds', value).expect(422);
      expect(fault(body)?.detail).toContain('65536 bytes');
      expect(text).not.toContain('xxx');
    }
    await put('bounds', 'x'.repeat(65_536)).expect(200);
  });

  it('change what runs only with a new revision, and all replicas of a revision run one value', async () => {
    await put('turning', 'value-one').expect(200);
    const id = await deployWith('turning', { replicas: 2 });
    const unused = await deployWith('shown');
    await put('turning', 'value-two').expect(200);
    expect((await t.as('vic').get(path('turning'))).body).toMatchObject({ version: 2, deployments: 1, outdated: 1 });
    await t.as('ben').post(`/api/deployment/${id}/restart`).expect(202);
    await rolloutEnds(t, 'ben', id, 'completed');
    expect(await spoken(id)).toContain('value-one');
    expect((await change(t, 'ben', id, { secret_env: { [SHOWN]: 'turning' } }).expect(200)).body).toMatchObject({ result: 'unchanged' });

    const preview = await t
      .as('ada')
      .post(`${path('turning')}/preview?restart=true`)
      .send({ value: 'value-two' })
      .expect(200);
    expect(preview.body).toMatchObject({ dry_run: true, result: 'unchanged', version: 2, outdated: 1, restarts: [id] });
    expect((await put('turning', 'value-two', { restart: true }).expect(200)).body).toMatchObject({
      version: 2,
      restarted: 1,
      outdated: 0,
    });
    await rolloutEnds(t, 'ben', id, 'completed');
    expect(await spoken(id)).toContain('value-two');
    expect(new Set(await liveRevisions(t, 'ben', id))).toEqual(new Set([2]));
    expect(await liveRevisions(t, 'ben', unused)).toEqual([1]);
    expect((await put('turning', 'value-two', { restart: true }).expect(200)).body).toMatchObject({ restarted: 0 });
    await expectInvariants(t.dataSource);
  });

  it('have their present value after a rollback, and stay as they were after an abort', async () => {
    await put('back', 'value-one').expect(200);
    const id = await deployWith('back');
    await put('back', 'value-two').expect(200);
    await change(t, 'ben', id, { container_image: 'nginx:1.28' }).expect(202);
    await rolloutEnds(t, 'ben', id, 'completed');
    expect(await spoken(id)).toContain('value-two');
    await put('back', 'value-three').expect(200);
    await t.as('ben').post(`/api/deployment/${id}/rollback`).send({}).expect(202);
    await rolloutEnds(t, 'ben', id, 'completed');
    expect(await spoken(id)).toContain('value-three');
    await change(t, 'ben', id, { secret_env: { [SHOWN]: null } }).expect(202);
    await rolloutEnds(t, 'ben', id, 'completed');
    await t.as('ada').delete(path('back')).expect(204);
    const gone = await t.as('ben').post(`/api/deployment/${id}/rollback`).send({ revision: 3 }).expect(409);
    expect((gone.body as { detail: string }).detail).toContain('back');
  });

  it('are new for what is stopped when it starts again', async () => {
    await put('stopped', 'value-one').expect(200);
    const id = await deployWith('stopped');
    await t.as('ben').post(`/api/deployment/${id}/stop`).expect(202);
    await reaches(t, 'ben', id, 'stopped');
    expect((await put('stopped', 'value-two', { restart: true }).expect(200)).body).toMatchObject({ restarted: 1 });
    await t.as('ben').post(`/api/deployment/${id}/start`).expect(202);
    await reaches(t, 'ben', id, 'running');
    expect(await spoken(id)).toContain('value-two');
  });

  it('are not deleted while something uses them, and tie a deployment to its project', async () => {
    await put('held', 'x').expect(200);
    const id = await deployWith('held');
    const refused = await t.as('ada').delete(path('held')).expect(409);
    expect(refused.body).toMatchObject({ code: 'secret_in_use', deployments: 1 });
    const other = await aProject(t, 'ada', {});
    const moved = await t.as('ada').post(`/api/deployment/${id}/move`).send({ project: other.id }).expect(409);
    expect((moved.body as { detail: string }).detail).toContain('held');
    await t.as('ben').delete(`/api/deployment/${id}`).expect(200);
    await t.as('ada').delete(path('held')).expect(204);
    await t.as('ben').post(`/api/deployment/${id}/restore`).send({}).expect(202);
    await reaches(t, 'ben', id, 'running');
    expect(await spoken(id)).toContain('x');
  });

  it('race: a deploy with a secret that is deleted is refused, or keeps the secret', async () => {
    for (let round = 0; round < 10; round++) {
      await put(`race-${round}`, 'x').expect(200);
      const [made, removed] = await Promise.all([
        t
          .as('ben')
          .post('/api/deployment/deploy')
          .send(aSpec({ project, replicas: 1, secret_env: { A: `race-${round}` } })),
        t.as('ada').delete(path(`race-${round}`)),
      ]);
      expect([`202 409`, `422 204`]).toContain(`${made.status} ${removed.status}`);
    }
  });

  it('race: what is deployed or changed while a value is set has one of the values, and the version says which', async () => {
    await put('racing', 'value-0').expect(200);
    const id = await deployWith('racing');
    for (let round = 1; round <= 5; round++) {
      const [set, made] = await Promise.all([
        put('racing', `value-${round}`, { restart: true }),
        t
          .as('ben')
          .post('/api/deployment/deploy')
          .send(aSpec({ project, secret_env: { [SHOWN]: 'racing' } })),
        change(t, 'ben', id, { env: { ROUND: String(round) } }),
        put('racing', `value-${round}`, { restart: true, user: 'max' }),
      ]);
      expect([set.status, made.status]).toEqual([200, 202]);
    }
    await put('racing', 'value-5', { restart: true }).expect(200);
    expect((await t.as('ada').get(path('racing'))).body).toMatchObject({ version: 6, outdated: 0 });
    await expectInvariants(t.dataSource);
  });

  it('go with their project', async () => {
    const { id } = await aProject(t, 'ada', {});
    await t.as('ada').put(`/api/projects/${id}/secrets/last`).send({ value: 'x' }).expect(200);
    await t.as('ada').delete(`/api/projects/${id}`).expect(200);
    expect(await t.dataSource.query(`SELECT 1 FROM project_secrets WHERE project_id = $1`, [id])).toEqual([]);
  });
});
