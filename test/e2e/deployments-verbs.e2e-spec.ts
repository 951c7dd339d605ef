import {
  deploy,
  deployed,
  expectGone,
  expectInvariants,
  historyOf,
  queuedAnswer,
  reaches,
  replicaStatuses,
  statusOf,
} from '../support/deployments';
import { revise } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

describe('stop, start and retry', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());
  afterEach(() => expectInvariants(t.dataSource));

  const ask = (id: string, verb: string) => t.as('ada').post(`/api/deployment/${id}/${verb}`);
  const last = async (id: string) => (await historyOf(t, 'ada', id)).at(-1);

  it('stops a running deployment, keeps it, and starts it again as a new generation', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    const stopped = await ask(id, 'stop').expect(202);
    expect(stopped.body).toEqual({
      success: true,
      deployment_id: id,
      status: 'stopped',
      replicas: 2,
      message: 'Deployment stopped; 2 replicas are stopping',
    });
    expect(await last(id)).toMatchObject({
      old_status: 'running',
      new_status: 'stopped',
      reason: 'Stopped by user: stopping 2 replicas',
      changed_by: await t.userId('ada'),
    });
    await expectGone(t.dataSource, id);
    const status = await statusOf(t, 'ada', id);
    expect(status).toMatchObject({ status: 'stopped', health: 'unhealthy', target_replicas: 2 });
    expect(replicaStatuses(status)).toEqual(['stopped', 'stopped']);

    const started = await ask(id, 'start').expect(202);
    expect(started.body).toEqual(queuedAnswer(id, 2));
    const again = await reaches(t, 'ada', id, 'running', 'healthy');
    expect(replicaStatuses(again)).toEqual(['running', 'running', 'stopped', 'stopped']);
    expect((await t.as('ada').get(`/api/deployment/${id}`)).body.generation).toBe(2);
    expect((await historyOf(t, 'ada', id)).slice(4).map(({ old_status, new_status, reason }) => [old_status, new_status, reason])).toEqual([
      ['stopped', 'pending', 'Started by user'],
      ['pending', 'scheduled', 'Scheduled 2 replicas across nodes'],
      ['scheduled', 'running', 'All 2 replicas started successfully'],
    ]);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  });

  it('retries a failed deployment, as often as asked', async () => {
    const id = await deploy(t, 'ada', { container_image: 'simulated/rejected:1', replicas: 2 });
    for (let round = 1; round <= 2; round++) {
      const failed = await reaches(t, 'ada', id, 'failed');
      expect(failed.recent_status_changes[0]).toMatchObject({
        old_status: 'scheduled',
        new_status: 'failed',
        reason: expect.stringMatching(/^Replicas did not start: The engine refuses .* \(simulated\), on node /),
      });
      expect(failed.health).toBe('unhealthy');
      await expectGone(t.dataSource, id);
      const retried = await ask(id, 'retry').expect(202);
      expect(retried.body).toEqual(queuedAnswer(id, 2));
    }
    await reaches(t, 'ada', id, 'failed');
    // Now the image works, and the retry alone brings the deployment up.
    await revise(t.dataSource, id, { image: 'nginx:1.27' });
    await ask(id, 'retry').expect(202);
    const running = await reaches(t, 'ada', id, 'running', 'healthy');
    expect(running.replicas.filter((replica) => replica.status === 'running')).toHaveLength(2);
    expect((await historyOf(t, 'ada', id)).filter((row) => row.reason === 'Retried by user')).toHaveLength(3);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  });

  it('refuses the verb that does not fit the status, in words, and writes nothing', async () => {
    const running = await deployed(t, 'ada');
    const stopped = await deployed(t, 'ada');
    await ask(stopped, 'stop').expect(202);
    const failed = await deploy(t, 'ada', { resources: { cpu: 32, memory: 512 } });
    await reaches(t, 'ada', failed, 'failed');
    const deleted = await deployed(t, 'ada');
    await t.as('ada').delete(`/api/deployment/${deleted}`).expect(200);
    const before = await Promise.all([running, stopped, failed, deleted].map((id) => historyOf(t, 'ada', id)));

    for (const [id, status, verb] of [
      [running, 'running', 'start'],
      [running, 'running', 'retry'],
      [stopped, 'stopped', 'stop'],
      [stopped, 'stopped', 'retry'],
      [failed, 'failed', 'stop'],
      [failed, 'failed', 'start'],
    ] as const) {
      expect((await ask(id, verb).expect(409)).body).toMatchObject({
        code: 'conflict',
        detail: `Cannot ${verb} deployment in ${status} state`,
        instance: `/api/deployment/${id}/${verb}`,
      });
    }
    for (const verb of ['stop', 'start', 'retry']) {
      expect((await ask(deleted, verb).expect(404)).body.detail).toBe(`Deployment ${deleted} not found or access denied`);
      expect((await ask('no-uuid', verb).expect(404)).body.detail).toBe('Invalid deployment ID format');
    }
    expect(await Promise.all([running, stopped, failed, deleted].map((id) => historyOf(t, 'ada', id)))).toEqual(before);
    for (const id of [running, stopped, failed]) await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  });
});

describe('stopping before anything runs', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api' } });
  });
  afterAll(() => t?.close());

  it('stops a pending deployment, which then is never placed', async () => {
    const id = await deploy(t, 'ada', { replicas: 2 });
    expect((await t.as('ada').post(`/api/deployment/${id}/stop`).expect(202)).body).toMatchObject({
      status: 'stopped',
      message: 'Deployment stopped; 0 replicas are stopping',
    });
    expect(await statusOf(t, 'ada', id)).toMatchObject({ status: 'stopped', replicas: [] });
  });
});
