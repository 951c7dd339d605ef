import { anUnnamedSpec, aSpec, deploy, deployed, expectInvariants, freshName, reaches } from '../support/deployments';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface Answer {
  readonly body: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}

describe('deployments of a project', () => {
  let t: TestApp;
  let team: { id: string; name: string };
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0' } });
    await Promise.all(['ada', 'bob', 'cyd', 'eve'].map((user) => t.userId(user)));
    await t.token('root', { admin: true });
    team = await aProject(t, 'ada', { bob: 'deployer', cyd: 'viewer' });
  });
  afterAll(() => t?.close());

  const idsOf = async (user: string, query = ''): Promise<string[]> => {
    const { body } = await t.as(user).get(`/api/deployment/list?limit=100${query}`).expect(200);
    return (body as { id: string }[]).map(({ id }) => id);
  };

  it('are seen by its members, changed by deployers, and unknown to strangers', async () => {
    const id = await deploy(t, 'bob', { project: team.name });
    await reaches(t, 'bob', id, 'running');
    for (const user of ['ada', 'bob', 'cyd', 'root']) {
      const { body } = await t.as(user).get(`/api/deployment/status/${id}`).expect(200);
      expect(body).toMatchObject({ project: team.name, project_id: team.id });
      const detail = await t.as(user).get(`/api/deployment/${id}`).expect(200);
      expect(detail.body).toMatchObject({ project: team.name, user_id: await t.userId('bob') });
    }
    await t.as('eve').get(`/api/deployment/status/${id}`).expect(404);
    const changes = [
      (user: string) => t.as(user).post(`/api/deployment/scale/${id}`).send({ replicas: 2 }),
      (user: string) =>
        t
          .as(user)
          .patch(`/api/deployment/${id}`)
          .send({ labels: { a: freshName() } }),
      (user: string) => t.as(user).put(`/api/deployment/${id}/protection`).send({ reason: 'x' }),
      (user: string) => t.as(user).delete(`/api/deployment/${id}/protection`),
      (user: string) => t.as(user).post(`/api/deployment/${id}/restart`),
      (user: string) => t.as(user).delete(`/api/deployment/${id}`),
      (user: string) => t.as(user).post(`/api/deployment/${id}/restore`),
    ];
    for (const change of changes) {
      const stranger = await change('eve');
      expect([stranger.status, stranger.body.code]).toEqual([404, 'not_found']);
      const viewer = await change('cyd');
      expect([viewer.status, viewer.body.code, viewer.body.detail]).toEqual([
        ...[403, 'role_required', 'This needs the role deployer in the project; yours is viewer'],
      ]);
      expect((await change('bob')).status).toBeLessThan(300);
    }
    await t.as('bob').delete(`/api/deployment/${id}?wait=60`).expect(200);
  });

  it('have names of their own: the same name goes into each project once', async () => {
    const name = freshName();
    const mine = await deploy(t, 'bob', { name });
    const ours = await deploy(t, 'bob', { name, project: team.id });
    const twice = await t
      .as('ada')
      .post('/api/deployment/deploy')
      .send(aSpec({ name, project: team.id }))
      .expect(409);
    expect(twice.body.code).toBe('already_exists');
    expect(await idsOf('bob', `&name=${name}`)).toEqual([ours, mine]);
    expect(await idsOf('bob', `&name=${name}&project=${team.name.toUpperCase()}`)).toEqual([ours]);
    expect(await idsOf('bob', `&name=${name}&project=bob`)).toEqual([mine]);
    expect(await idsOf('cyd', `&name=${name}`)).toEqual([ours]);
    expect(await idsOf('eve', `&name=${name}&project=${team.id}`)).toEqual([]);
    expect(await idsOf('root', `&name=${name}&project=${team.id}`)).toEqual([ours]);
    expect(await idsOf('bob', `&label=none&project=${team.id}`)).toEqual([]);
  });

  it('are listed with those of all other projects in one order, in whole pages', async () => {
    const other = await aProject(t, 'cyd', { bob: 'viewer' });
    const made: string[] = [];
    for (let index = 0; index < 6; index += 1)
      made.push(await deploy(t, index % 2 ? 'cyd' : 'ada', { project: index % 2 ? other.id : team.id, labels: { walk: 'x' } }));
    for (const filter of ['', '&label=walk', '&label=walk%3Dx&type=compute']) {
      const walked: string[] = [];
      let link: string | null = `/api/deployment/list?limit=2${filter}`;
      while (link !== null) {
        const { body, headers }: Answer = await t.as('bob').get(link).expect(200);
        walked.push(...(body as { id: string }[]).map(({ id }) => id));
        link = /<([^>]+)>; rel="next"/.exec(String(headers.link))?.[1] ?? null;
      }
      expect(walked).toEqual(await idsOf('bob', filter));
      expect(walked.filter((id) => made.includes(id))).toEqual([...made].reverse());
    }
    const { body } = await t.as('bob').get('/api/deployment/list?label=walk&limit=1').expect(200);
    expect(body).toEqual([expect.objectContaining({ project: other.name, project_id: other.id })]);
  });

  it('are reached by name, and deployed many at once', async () => {
    const name = freshName();
    const named = `/api/deployment/named/${name}?project=${team.name}`;
    await t.as('cyd').put(named).send(anUnnamedSpec()).expect(403);
    await t.as('eve').put(named).send(anUnnamedSpec()).expect(404);
    const made = await t.as('bob').put(named).send(anUnnamedSpec()).expect(202);
    expect((await t.as('cyd').get(named).expect(200)).body).toMatchObject({ deployment_id: made.body.deployment_id, project: team.name });
    await t.as('bob').get(`/api/deployment/named/${name}`).expect(404);
    await t.as('ada').put(named).send(anUnnamedSpec()).expect(200);
    await t
      .as('ada')
      .put(named)
      .send({ ...anUnnamedSpec(), project: team.name })
      .expect(422);
    await t
      .as('ada')
      .patch(`/api/deployment/${String(made.body.deployment_id)}`)
      .send({ project: 'ada' })
      .expect(422);

    const many = { deployments: [aSpec({ name }), aSpec()], project: team.name };
    await t.as('cyd').post('/api/deployment/bulk-deploy').send(many).expect(403);
    const { body } = await t.as('bob').post('/api/deployment/bulk-deploy').send(many).expect(200);
    expect((body.items as { state: string; code: string | null }[]).map(({ state, code }) => [state, code])).toEqual([
      ...[
        ['refused', 'already_exists'],
        ['created', null],
      ],
    ]);
    const inside = { deployments: [aSpec({ project: team.name })] };
    expect((await t.as('bob').post('/api/deployment/bulk-deploy').send(inside).expect(200)).body.items[0]).toMatchObject({
      ...{ state: 'refused', code: 'validation_failed' },
    });
  });

  it('are deleted in bulk by those who may, and by a filter only in the project that it names', async () => {
    const labels = { bulk: freshName() };
    const ours = await deployed(t, 'ada', { project: team.id, labels });
    const mine = await deployed(t, 'bob', { labels });
    const bulk = (user: string, body: object) =>
      t
        .as(user)
        .post('/api/deployment/bulk-delete')
        .send({ ...body, wait: 20 });
    await bulk('cyd', { filter: { labels, project: team.id } }).expect(403);
    const viewer = await bulk('cyd', { ids: [ours] }).expect(200);
    expect(viewer.body.items[0]).toMatchObject({ code: 'role_required' });
    const preview = await t.as('bob').post('/api/deployment/bulk-delete/preview').send({ filter: { labels } }).expect(200);
    expect((preview.body.items as { deployment_id: string }[]).map(({ deployment_id }) => deployment_id)).toEqual([mine]);
    const deleted = await bulk('bob', { filter: { labels, project: team.name } }).expect(200);
    expect((deleted.body.items as { deployment_id: string }[]).map(({ deployment_id }) => deployment_id)).toEqual([ours]);
    await t.as('ada').get(`/api/deployment/status/${ours}`).expect(404);
    await t.as('bob').get(`/api/deployment/status/${mine}`).expect(200);
  });

  it('tell who deployed them what happens, and another maintainer once that user has left', async () => {
    const { id: project } = await aProject(t, 'ada', { bob: 'deployer' });
    const id = await deployed(t, 'bob', { project });
    const eventsOf = async (user: string): Promise<string[]> => {
      const { body } = await t.as(user).get(`/api/events?deployment_id=${id}&limit=100`).expect(200);
      return (body.events as { type: string }[]).map(({ type }) => type);
    };
    await t.as('bob').post(`/api/deployment/${id}/stop`).expect(202);
    await reaches(t, 'bob', id, 'stopped');
    expect(await eventsOf('ada')).toEqual([]);
    await t.as('bob').delete(`/api/projects/${project}/members/bob`).expect(204);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    await until(async () => (await eventsOf('ada')).includes('fog.deployment.deleted'));
    expect(await eventsOf('bob')).not.toContain('fog.deployment.deleted');
  });

  it('move to another project for maintainers of both, and go on running', async () => {
    const other = await aProject(t, 'ada', { bob: 'maintainer', eve: 'maintainer' });
    const id = await deployed(t, 'bob', { project: team.id });
    const move = (user: string, project: string) => t.as(user).post(`/api/deployment/${id}/move`).send({ project });
    await move('bob', other.id).expect(403);
    await move('eve', other.id).expect(404);
    await move('ada', 'eve').expect(404);
    const { replicas } = (await t.as('ada').get(`/api/deployment/status/${id}`).expect(200)).body as { replicas: { id: string }[] };
    const moved = await move('ada', other.name.toUpperCase()).expect(200);
    expect(moved.body).toEqual({
      ...{ success: true, deployment_id: id, project_id: other.id, project: other.name, message: `Moved to project ${other.name}` },
    });
    expect((await move('ada', other.id).expect(200)).body.message).toBe(`Already in project ${other.name}`);
    await t.as('cyd').get(`/api/deployment/status/${id}`).expect(404);
    const status = await t.as('eve').get(`/api/deployment/status/${id}`).expect(200);
    expect(status.body).toMatchObject({ project: other.name, status: 'running' });
    expect((status.body.replicas as { id: string }[]).map((each) => each.id)).toEqual(replicas.map((each) => each.id));
    const detail = (user: string) => t.as(user).get(`/api/deployment/${id}`).expect(200);
    expect((await detail('ada')).body.user_id).toBe(await t.userId('bob'));
    await move('ada', 'ada').expect(200);
    expect((await detail('ada')).body.user_id).toBe(await t.userId('ada'));
    await t.as('bob').get(`/api/deployment/status/${id}`).expect(404);
    const told = await until(async () => {
      const { body } = await t.as('ada').get(`/api/events?deployment_id=${id}&types=fog.deployment.moved`).expect(200);
      return (body.events as { data: object }[])[0];
    });
    expect(told.data).toMatchObject({ from: other.name, to: 'ada' });
    await expectInvariants(t.dataSource);
  });

  it('stay where they are when the name is taken there, while they have routes, and when they have changed', async () => {
    const name = freshName();
    const id = await deploy(t, 'ada', { name, project: team.id });
    await deploy(t, 'ada', { name });
    const move = (target: string) => t.as('ada').post(`/api/deployment/${target}/move`).send({ project: 'ada' });
    expect((await move(id).expect(409)).body).toMatchObject({
      code: 'already_exists',
      detail: `A deployment named ${name} exists already`,
    });
    const web = { project: team.id, ports: [{ container_port: 80, protocol: 'tcp' }], routes: [{ port: 80 }] };
    const routed = await deploy(t, 'ada', web);
    expect((await move(routed).expect(409)).body.code).toBe('conflict');
    const { body } = await t.as('ada').get(`/api/deployment/status/${routed}`).expect(200);
    expect(body.routes[0].host).toBe(`${String(body.name)}.${team.name}.localhost`);
    await t.as('ada').patch(`/api/deployment/${routed}`).send({ routes: [] }).expect(200);
    const stale = await move(routed).set('If-Match', '"1"').expect(412);
    expect(stale.body.code).toBe('precondition_failed');
    await move(routed).expect(200);
  });
});
