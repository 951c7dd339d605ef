import { change, QUICK, rolloutEnds } from '../support/changes';
import { aSpec, deployed, expectGone, expectInvariants, reaches } from '../support/deployments';
import { aProject } from '../support/projects';
import { letRetentionPass } from '../support/purge';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface Volume {
  id: string;
  name: string;
  size_gb: number;
  state: string;
  node_id: string | null;
  deployments: { deployment_id: string; deleted: boolean; read_only: boolean }[];
}
interface Status {
  replicas: { id: string; node_id: string; status: string; started_at: string | null; stopped_at: string | null }[];
  health_reasons: string[];
}

const data = (name: string, over: object = {}) => ({ name, path: '/data', size_gb: 2, ...over });

describe('volumes of projects', () => {
  let t: TestApp;
  let project: string;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '1', NODE_SYNC_SECONDS: '1' } });
    ({ id: project } = await aProject(t, 'ada', { ben: 'deployer', vic: 'viewer', max: 'maintainer' }));
    await t.token('root', { admin: true });
  });
  afterEach(() => expectInvariants(t.dataSource));
  afterAll(() => t?.close());

  const list = async (user = 'ada'): Promise<Volume[]> =>
    (await t.as(user).get(`/api/projects/${project}/volumes?limit=100`).expect(200)).body as Volume[];
  const one = async (name: string): Promise<Volume | undefined> => (await list()).find((volume) => volume.name === name);
  const path = (name: string): string => `/api/projects/${project}/volumes/${name}`;
  const withVolumes = (volumes: object[], over: object = {}) => aSpec({ project, replicas: 1, volumes, rollout: QUICK, ...over });
  const running = (volumes: object[], over: object = {}): Promise<string> =>
    deployed(t, 'ben', { project, replicas: 1, volumes, rollout: QUICK, ...over });
  const asked = (spec: object) => t.as('ben').post('/api/deployment/deploy').send(spec);
  const statusOf = async (id: string): Promise<Status> =>
    (await t.as('ben').get(`/api/deployment/status/${id}?include_deleted=true`).expect(200)).body as Status;
  const live = async (id: string): Promise<Status['replicas']> =>
    (await statusOf(id)).replicas.filter(({ status }) => ['starting', 'running', 'stopping'].includes(status));
  const remove = (id: string) => t.as('ben').delete(`/api/deployment/${id}`).expect(200);
  const goesWith = async (id: string): Promise<string[]> =>
    ((await t.as('root', { admin: true }).get(`/api/admin/deployment/${id}/purge-preview`).expect(200)).body as { volumes: string[] })
      .volumes;
  const purge = async (id: string) => {
    await letRetentionPass(t.dataSource, id);
    return t.as('root', { admin: true }).delete(`/api/admin/deployment/${id}`).expect(200);
  };
  const onEngines = async (id: string): Promise<number> => {
    const [row] = await t.dataSource.query<{ count: number }[]>(
      `SELECT count(*)::int AS count FROM simulated_volumes WHERE volume_id = $1`,
      [id],
    );
    return row?.count ?? 0;
  };
  const fault = (body: unknown) => (body as { errors: { pointer: string; detail: string }[] }).errors[0];

  it('are made by the deployment that names them, shown with what mounts them, and read back as they were asked for', async () => {
    const mounts = [data('shown'), { name: 'more', path: '/more', size_gb: 1, read_only: true }];
    const id = await running(mounts);
    const volume = await one('shown');
    expect(volume).toMatchObject({ size_gb: 2, state: 'ready', deployments: [{ deployment_id: id, deleted: false, read_only: false }] });
    expect((await live(id))[0]?.node_id).toBe(volume?.node_id);
    expect(await onEngines(volume?.id ?? '')).toBe(1);
    const { body } = await t.as('vic').get(`/api/deployment/${id}`).expect(200);
    expect(body).toMatchObject({ volumes: [data('shown', { read_only: false }), mounts[1]] });
    const unchanged = await t.as('ben').patch(`/api/deployment/${id}`).send({ volumes: mounts }).expect(200);
    expect(unchanged.body).toMatchObject({ message: 'Nothing to change' });
    await remove(id);
  });

  it('keep what they have through a delete and a restore, on the same node, and go when the deployment is purged', async () => {
    const id = await running([data('kept')]);
    const before = await one('kept');
    const preview = await t.as('ben').get(`/api/deployment/${id}/deletion-preview`).expect(200);
    expect(preview.body).toMatchObject({ keeps_volumes: ['kept'] });
    await remove(id);
    await expectGone(t.dataSource, id);
    expect(await one('kept')).toMatchObject({ state: 'ready', deployments: [{ deployment_id: id, deleted: true }] });
    const refused = await t.as('max').delete(path('kept')).expect(409);
    expect(refused.body).toMatchObject({ code: 'volume_in_use', deployments: 0, kept_deployments: 1 });

    await t.as('ben').post(`/api/deployment/${id}/restore`).expect(202);
    await reaches(t, 'ben', id, 'running', 'healthy');
    expect((await live(id)).map(({ node_id }) => node_id)).toEqual([before?.node_id]);
    expect(await onEngines(before?.id ?? '')).toBe(1);

    await remove(id);
    await expectGone(t.dataSource, id);
    expect(await goesWith(id)).toEqual(['kept']);
    await purge(id);
    await until(async () => (await one('kept')) === undefined, { what: 'the volume to be gone' });
    expect(await onEngines(before?.id ?? '')).toBe(0);
    const [audit] = await t.dataSource.query<{ after: { proof: string } }[]>(
      `SELECT after FROM audit_log WHERE action = 'project.volume_removed' AND before->>'volume_id' = $1`,
      [before?.id],
    );
    expect(audit?.after.proof).toContain('has confirmed that it is gone');
  });

  it('go only with the last deployment that mounts them', async () => {
    const writer = await running([data('shared')]);
    const reader = await running([data('shared', { read_only: true })], { replicas: 2 });
    const { id = '', node_id: node } = (await one('shared')) ?? {};
    expect(new Set((await live(reader)).map(({ node_id }) => node_id))).toEqual(new Set([node]));
    await remove(writer);
    await expectGone(t.dataSource, writer);
    expect(await goesWith(writer)).toEqual([]);
    await purge(writer);
    expect(await one('shared')).toMatchObject({ id, state: 'ready' });
    await remove(reader);
    await expectGone(t.dataSource, reader);
    await purge(reader);
    await until(async () => (await onEngines(id)) === 0, { what: 'the volume to go' });
  });

  it('that only an open rollout has brought are kept by a delete, for the retention, and go with the purge', async () => {
    const brought = async (name: string): Promise<string> => {
      const id = await running([data(`${name}-old`)]);
      const rollout = { ...QUICK, min_healthy_seconds: 60 };
      const volumes = [data(`${name}-old`), data(`${name}-new`, { path: '/new' })];
      await t.as('ben').patch(`/api/deployment/${id}`).send({ volumes, rollout }).expect(202);
      await until(async () => (await live(id)).some(({ status }) => status === 'running') && (await one(`${name}-new`))?.state === 'ready');
      await remove(id);
      return id;
    };
    const [kept, restored] = [await brought('kept'), await brought('back')];
    expect((await one('kept-new'))?.deployments).toEqual([expect.objectContaining({ deployment_id: kept, deleted: true })]);
    const refused = await t.as('max').delete(path('kept-new')).expect(409);
    expect(refused.body).toMatchObject({ code: 'volume_in_use' });
    expect((await goesWith(kept)).sort()).toEqual(['kept-new', 'kept-old']);
    await purge(kept);
    await until(async () => (await list()).every(({ name }) => !name.startsWith('kept-')));

    await t.as('ben').post(`/api/deployment/${restored}/restore`).expect(202);
    expect((await one('back-old'))?.deployments).toHaveLength(1);
    expect((await one('back-new'))?.deployments).toEqual([]);
    await t.as('max').delete(path('back-new')).expect(202);
    await remove(restored);
  });

  it('have one writer: another one, more replicas of it, and a restore beside it are refused', async () => {
    const id = await running([data('single')]);
    const second = await asked(withVolumes([data('single')])).expect(409);
    expect(second.body).toMatchObject({ code: 'volume_in_use', volume: 'single' });
    const many = await asked(withVolumes([data('other')], { replicas: 2 })).expect(422);
    expect(fault(many.body)).toMatchObject({ pointer: '/replicas' });
    expect(fault((await t.as('ben').post(`/api/deployment/scale/${id}`).send({ replicas: 2 }).expect(422)).body)).toMatchObject({
      pointer: '/replicas',
    });
    for (const query of ['', '?dry_run=true']) {
      const both = await t.as('ben').patch(`/api/deployment/${id}${query}`).send({ volumes: [], replicas: 2 }).expect(422);
      expect(fault(both.body)).toMatchObject({ pointer: '/replicas' });
    }
    await remove(id);
    await expectGone(t.dataSource, id);
    const heir = await running([data('single')]);
    expect((await t.as('ben').post(`/api/deployment/${id}/restore`).expect(409)).body).toMatchObject({ code: 'volume_in_use' });
    const preview = await t.as('ben').post(`/api/deployment/${id}/restore?dry_run=true`).expect(200);
    expect(preview.body).toMatchObject({ possible: false });
    await remove(heir);
  });

  it('are never written to by two replicas: a rollout stops the old one before the new one starts', async () => {
    const id = await running([data('rolled')]);
    await change(t, 'ben', id, { env: { A: 'b' } });
    await rolloutEnds(t, 'ben', id, 'completed');
    const { replicas } = await statusOf(id);
    const [old, young] = [replicas.find(({ status }) => status === 'stopped'), replicas.find(({ status }) => status === 'running')];
    expect(old?.node_id).toBe(young?.node_id);
    expect(Date.parse(old?.stopped_at ?? '')).toBeLessThanOrEqual(Date.parse(young?.started_at ?? ''));
    await remove(id);
  });

  it('keep a deployment where they are: on a node that is drained it stays, and what is started there waits and says why', async () => {
    const id = await running([data('staying')]);
    const { node_id: node } = (await one('staying')) ?? {};
    const cordon = (draining: boolean) =>
      t
        .as('root', { admin: true })
        .patch(`/api/nodes/${node ?? ''}`)
        .send(draining ? { draining } : { cordoned: false })
        .expect(200);
    await cordon(true);
    try {
      await t.as('ben').post(`/api/deployment/${id}/stop`).expect(202);
      await until(async () => (await live(id)).length === 0, { what: 'it to stop' });
      await t.as('ben').post(`/api/deployment/${id}/start`).expect(202);
      await until(async () => (await statusOf(id)).health_reasons.some((words) => words.includes('the data of staying is on node')), {
        what: 'the reason to be shown',
      });
      const removal = await t
        .as('root', { admin: true })
        .delete(`/api/nodes/${node ?? ''}`)
        .expect(409);
      expect(removal.body).toMatchObject({ code: 'node_in_use' });
    } finally {
      await cordon(false);
    }
    await reaches(t, 'ben', id, 'running', 'healthy');
    await remove(id);
  });

  it('are deleted by maintainers once nothing mounts them, and their names are free at once', async () => {
    const id = await running([data('free')]);
    for (const user of ['ben', 'vic']) await t.as(user).delete(path('free')).expect(403);
    await t.as('eve').get(path('free')).expect(404);
    await t.as('eve').delete(path('free')).expect(404);
    expect((await t.as('max').delete(path('free')).expect(409)).body).toMatchObject({ code: 'volume_in_use', deployments: 1 });
    await change(t, 'ben', id, { volumes: [] });
    await rolloutEnds(t, 'ben', id, 'completed');
    const { id: volume = '' } = (await one('free')) ?? {};
    expect((await t.as('max').delete(path('free')).expect(202)).body).toMatchObject({ id: volume, state: 'removing' });
    await t.as('max').get(path('free')).expect(404);
    await until(async () => (await onEngines(volume)) === 0 && (await one('free')) === undefined, { what: 'it to be gone' });
    await change(t, 'ben', id, { volumes: [data('free', { size_gb: 3 })] });
    await rolloutEnds(t, 'ben', id, 'completed');
    expect(await one('free')).toMatchObject({ size_gb: 3 });
    await remove(id);
  });

  it.each([
    [{ path: 'data' }, '/volumes/0/path'],
    [{ path: '/a/../etc' }, '/volumes/0/path'],
    [{ path: '/' }, '/volumes/0/path'],
    [{ path: '/data/' }, '/volumes/0/path'],
    [{ path: '/proc/1' }, '/volumes/0/path'],
    [{ path: '/etc/hosts' }, '/volumes/0/path'],
    [{ name: '../x' }, '/volumes/0/name'],
    [{ size_gb: 0 }, '/volumes/0/size_gb'],
    [{ size_gb: 100_000 }, '/volumes/0/size_gb'],
  ])('are refused as %j', async (over, pointer) => {
    const { body } = await asked(withVolumes([data('bad', over)])).expect(422);
    expect(fault(body)).toMatchObject({ pointer });
  });

  it('are refused when two have one name or path, when /tmp is taken, and in another size than they have', async () => {
    const twice = await asked(withVolumes([data('twice'), data('twice')])).expect(422);
    expect(fault(twice.body)?.pointer).toBe('/volumes/1/name');
    const tmp = await asked(withVolumes([data('tmp', { path: '/tmp' })], { read_only_root: true })).expect(422);
    expect(fault(tmp.body)?.pointer).toBe('/volumes/0/path');
    const id = await running([data('sized')]);
    const other = await asked(withVolumes([data('sized', { size_gb: 3, read_only: true })])).expect(422);
    expect(fault(other.body)).toMatchObject({
      pointer: '/volumes/0/size_gb',
      detail: 'the volume sized has 2 GB, and its size does not change',
    });
    await remove(id);
  });

  it('count in quotas by number and size, until their engines have confirmed that they are gone', async () => {
    await t
      .as('root', { admin: true })
      .put(`/api/projects/${project}/quota`)
      .send({ volumes: (await list()).length + 1 })
      .expect(200);
    try {
      const before = (await t.as('ada').get(`/api/projects/${project}`).expect(200)).body as { quota: { storage_gb: { used: number } } };
      const id = await running([data('counted', { size_gb: 5 })]);
      const after = (await t.as('ada').get(`/api/projects/${project}`).expect(200)).body as { quota: { storage_gb: { used: number } } };
      expect(after.quota.storage_gb.used - before.quota.storage_gb.used).toBe(5 + 1);
      const refused = await asked(withVolumes([data('beyond')])).expect(409);
      expect(refused.body).toMatchObject({ code: 'quota_exceeded', quota: 'volumes', holder: 'project' });
      await remove(id);
    } finally {
      await t.as('root', { admin: true }).put(`/api/projects/${project}/quota`).send({}).expect(200);
    }
  });

  it('are weighed together with the deployment that makes them, also in a preview', async () => {
    const { body } = await t.as('ada').get(`/api/projects/${project}`).expect(200);
    const { used } = (body as { quota: { storage_gb: { used: number } } }).quota.storage_gb;
    const limit = { storage_gb: used + 9 };
    await t.as('root', { admin: true }).put(`/api/projects/${project}/quota`).send(limit).expect(200);
    try {
      const both = (size: number) =>
        withVolumes([data('weighed', { size_gb: 5 })], { resources: { cpu: 0.5, memory: 512, storage: size } });
      const refused = await asked(both(5)).expect(409);
      expect(refused.body).toMatchObject({ code: 'quota_exceeded', quota: 'storage_gb' });
      const preview = await t.as('ada').post('/api/deployment/deploy/preview').send(both(5)).expect(409);
      expect(preview.body).toMatchObject({ code: 'quota_exceeded', quota: 'storage_gb' });
      const { body: made } = await asked(both(4)).expect(202);
      await remove((made as { deployment_id: string }).deployment_id);
    } finally {
      await t.as('root', { admin: true }).put(`/api/projects/${project}/quota`).send({}).expect(200);
    }
  });

  it('follow no deployment into another project', async () => {
    const id = await running([data('rooted')]);
    const refused = await t.as('ada').post(`/api/deployment/${id}/move`).send({ project: 'ada' }).expect(409);
    expect(refused.body).toMatchObject({ code: 'conflict' });
    await remove(id);
  });

  describe('at once', () => {
    it('two deployments that make one volume: one becomes its writer', async () => {
      const answers = await Promise.all(['a', 'b', 'c'].map(() => asked(withVolumes([data('raced')]))));
      expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
      expect((await list()).filter(({ name }) => name === 'raced')).toHaveLength(1);
    });

    it('a deletion and a mount: either the volume goes, or it is refused and mounted', async () => {
      for (const round of [1, 2, 3]) {
        const name = `delete-or-mount-${round}`;
        const id = await running([data(name)]);
        await change(t, 'ben', id, { volumes: [] });
        await rolloutEnds(t, 'ben', id, 'completed');
        const { id: old } = (await one(name)) ?? {};
        const [deletion, mount] = await Promise.all([t.as('max').delete(path(name)), asked(withVolumes([data(name)]))]);
        expect(mount.status).toBe(202);
        const now = (await list()).find((volume) => volume.name === name && volume.state !== 'removing');
        expect(deletion.status).toBe(now?.id === old ? 409 : 202);
        expect(now?.deployments).toHaveLength(1);
      }
    });

    it('a purge and a restore: the restored deployment has its volume, or is gone with it', async () => {
      for (const round of [1, 2, 3]) {
        const name = `purge-or-restore-${round}`;
        const id = await running([data(name)]);
        await remove(id);
        await expectGone(t.dataSource, id);
        await letRetentionPass(t.dataSource, id);
        const [restored, purged] = await Promise.all([
          t.as('ben').post(`/api/deployment/${id}/restore`),
          t.as('root', { admin: true }).delete(`/api/admin/deployment/${id}`),
        ]);
        if (restored.status === 202) {
          expect(purged.status).toBe(409);
          expect(await one(name)).toMatchObject({ state: 'ready' });
          await reaches(t, 'ben', id, 'running', 'healthy');
        } else {
          expect([restored.status, purged.status]).toEqual([404, 200]);
          await until(async () => (await one(name)) === undefined, { what: 'the volume to go' });
        }
      }
    });
  });
});
