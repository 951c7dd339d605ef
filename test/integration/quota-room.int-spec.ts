import { change, QUICK, rolloutEnds, rolloutOf } from '../support/changes';
import { aSpec, deployed, reaches } from '../support/deployments';
import { mostReserved } from '../support/most-reserved';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

/** `QUOTA_ROOM_ROUNDS=100` is the race of docs/reliability.md. */
const ROUNDS = Number(process.env.QUOTA_ROOM_ROUNDS ?? 4);
const CORE = { resources: { cpu: 1, memory: 512, storage: 1 } };

/** What nobody asks for when a deployment changes: the replicas beyond the wanted ones, and those beside others that are leaving. */
describe('what a quota leaves for the reconciler', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '1', SIMULATED_DELAY_MS: '100' } });
    await t.token('root', { admin: true });
  });
  afterAll(() => t?.close());

  const limit = (id: string, quota: object) => t.as('root').put(`/api/projects/${id}/quota`).send(quota).expect(200);
  const usedOf = async (id: string): Promise<Record<string, { used: number }>> =>
    ((await t.as('ada').get(`/api/projects/${id}`).expect(200)).body as { quota: Record<string, { used: number }> }).quota;
  const post = (id: string, verb: string) => t.as('ada').post(`/api/deployment/${id}/${verb}`).send({});
  const quickly = { rollout: QUICK, ...CORE };

  it('lets a rollout wait for its surge, says so, and goes on with it when there is room', async () => {
    const project = await aProject(t, 'ada');
    const id = await deployed(t, 'ada', { project: project.id, replicas: 2, ...quickly });
    await limit(project.id, { replicas: 2 });
    const words = `Waits for room in the quota replicas of project ${project.name}: it allows 2, and there are 2`;
    const preview = async (patch: object): Promise<object> =>
      (await t.as('ada').post(`/api/deployment/${id}/preview`).send(patch).expect(200)).body as object;
    expect(await preview({ container_image: 'nginx:1.28' })).toMatchObject({ result: 'rolling_out', schedulable: false, message: words });
    const oldFirst = { max_surge: 0, max_unavailable: 1 };
    expect(await preview({ container_image: 'nginx:1.28', rollout: oldFirst })).toMatchObject({ schedulable: true });
    await change(t, 'ada', id, { container_image: 'nginx:1.28' }).expect(202);
    await until(async () => (await rolloutOf(t, 'ada', id)).reason === words, { what: 'the reason of the rollout' });
    expect(await mostReserved(t.dataSource, project.id)).toMatchObject({ replicas: 2 });
    await limit(project.id, { replicas: 3 });
    await rolloutEnds(t, 'ada', id, 'completed');
    expect(await mostReserved(t.dataSource, project.id)).toMatchObject({ replicas: 3 });
  });

  it('needs no room beyond the wanted replicas for a rollout that ends old ones first', async () => {
    const project = await aProject(t, 'ada');
    const policy = { ...QUICK, max_surge: 0, max_unavailable: 1 };
    const id = await deployed(t, 'ada', { project: project.id, replicas: 2, ...CORE, rollout: policy });
    await limit(project.id, { replicas: 2, cpu_cores: 2 });
    await change(t, 'ada', id, { container_image: 'nginx:1.28' }).expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
    expect(await mostReserved(t.dataSource, project.id)).toEqual({ replicas: 2, cpu_cores: 2 });
  });

  it('gives as much of a surge as fits', async () => {
    const project = await aProject(t, 'ada');
    const id = await deployed(t, 'ada', { project: project.id, replicas: 3, ...CORE, rollout: { ...QUICK, max_surge: 3 } });
    await limit(project.id, { cpu_cores: 4.5 });
    await change(t, 'ada', id, { env: { A: '1' } }).expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
    expect(await mostReserved(t.dataSource, project.id)).toEqual({ replicas: 4, cpu_cores: 4 });
  });

  it('says nothing of what the user of a deployment holds elsewhere', async () => {
    const project = await aProject(t, 'ada', { bob: 'deployer' });
    const id = await deployed(t, 'bob', { project: project.id, replicas: 2, ...quickly });
    const bob = await t.userId('bob');
    await t
      .as('root')
      .patch(`/api/users/${bob}`)
      .send({ quota: { replicas: 2 } })
      .expect(200);
    await change(t, 'ada', id, { env: { A: '1' } }).expect(202);
    const words = 'Waits for room in the quota replicas of the user for whom it counts';
    await until(async () => (await rolloutOf(t, 'ada', id)).reason === words, { what: 'the reason of the rollout' });
    await t.as('root').patch(`/api/users/${bob}`).send({ quota: {} }).expect(200);
    await rolloutEnds(t, 'ada', id, 'completed');
  });

  it('lets what is stopped and started, or deleted and restored, again and again wait for its own containers to be gone', async () => {
    const project = await aProject(t, 'ada');
    const id = await deployed(t, 'ada', { project: project.id, replicas: 2, container_image: 'simulated/slow:1', ...CORE });
    await limit(project.id, { replicas: 2 });
    for (let n = 0; n < 3; n++) {
      await post(id, 'stop').expect(202);
      await post(id, 'start').expect(202);
    }
    await reaches(t, 'ada', id, 'running', 'healthy');
    for (let n = 0; n < 3; n++) {
      await t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202);
      await post(id, 'restore').expect(202);
    }
    await reaches(t, 'ada', id, 'running', 'healthy');
    const history = (await t.as('ada').get(`/api/deployment/${id}/history`).expect(200)).body as { new_status: string }[];
    expect(history.map(({ new_status: to }) => to)).not.toContain('failed');
    expect(await mostReserved(t.dataSource, project.id)).toEqual({ replicas: 2, cpu_cores: 2 });
  });

  it('lets no quota hinder a drain', async () => {
    const project = await aProject(t, 'ada');
    const id = await deployed(t, 'ada', { project: project.id, replicas: 2, ...CORE });
    await limit(project.id, { replicas: 2 });
    const { replicas } = await reaches(t, 'ada', id, 'running', 'healthy');
    const node = replicas[0]!.node_id;
    await t.as('root').patch(`/api/nodes/${node}`).send({ draining: true }).expect(200);
    await until(
      async () => {
        const now = await reaches(t, 'ada', id, 'running', 'healthy');
        return now.replicas.every((each) => each.node_id !== node || each.status === 'stopped');
      },
      { what: 'the replicas to leave the node' },
    );
    await t.as('root').patch(`/api/nodes/${node}`).send({ draining: false, cordoned: false }).expect(200);
  });

  it(`is never given to two of many rollouts, starts and deploys at once, in ${String(ROUNDS)} rounds`, async () => {
    const project = await aProject(t, 'ada', { bob: 'deployer' });
    const ids: string[] = [];
    for (let n = 0; n < 6; n++) ids.push(await deployed(t, n % 2 === 0 ? 'ada' : 'bob', { project: project.id, ...quickly }));
    await limit(project.id, { replicas: 8 });
    let above = 0;
    let isOver = false;
    const watch = async (): Promise<void> => {
      while (!isOver) above = Math.max(above, ((await usedOf(project.id)).replicas?.used ?? 0) - 8);
    };
    const watching = watch();
    const refused: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const extra = Promise.all(
        ['ada', 'bob', 'ada'].map((user) =>
          t
            .as(user)
            .post('/api/deployment/deploy')
            .send(aSpec({ project: project.id, ...CORE })),
        ),
      );
      await Promise.all(ids.map((id, n) => (n % 3 === 2 ? post(id, 'stop').then(() => post(id, 'start')) : post(id, 'restart'))));
      for (const { status, body } of await extra) {
        if (status === 202)
          await t
            .as('ada')
            .delete(`/api/deployment/${(body as { deployment_id: string }).deployment_id}`)
            .expect(200);
        else refused.push(status);
      }
      for (const [n, id] of ids.entries()) {
        await reaches(t, 'ada', id, 'running', 'healthy');
        if (n % 3 !== 2) await rolloutEnds(t, 'ada', id, 'completed');
      }
    }
    isOver = true;
    await watching;
    expect(above).toBe(0);
    expect((await mostReserved(t.dataSource, project.id)).replicas).toBeLessThanOrEqual(8);
    expect(refused.filter((status) => status !== 409)).toEqual([]);
  }, 600_000);
});
