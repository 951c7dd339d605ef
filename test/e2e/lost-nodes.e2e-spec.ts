import { SimulatedEngine } from '../support/simulated-engine';
import { deployed, statusOf } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('a node that does not come back', () => {
  let t: TestApp;
  let engine: SimulatedEngine;
  beforeAll(async () => {
    t = await startTestApp({
      env: { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '4', NODE_LOST_AFTER_SECONDS: '4', STOP_GRACE_SECONDS: '0' },
    });
    engine = new SimulatedEngine(t.dataSource);
  });
  afterAll(() => t?.close());

  const nodeOf = async (id: string) => (await t.as('ada').get(`/api/nodes/${id}`).expect(200)).body;
  const live = async (id: string) => (await statusOf(t, 'ada', id)).replicas.filter(({ status }) => status === 'running');
  const change = (nodeId: string, body: object) => t.as('root', { admin: true }).patch(`/api/nodes/${nodeId}`).send(body);
  const offline = (nodeId: string) => until(async () => (await nodeOf(nodeId)).status === 'offline', { what: 'the node to be offline' });
  const back = (nodeId: string) => until(async () => (await nodeOf(nodeId)).status !== 'offline', { what: 'the node to be back' });

  it('gets its replicas replaced elsewhere; when it returns, what was replaced is removed', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    const [gone] = await live(id);
    await engine.setUnreachable(gone!.node_id, true);
    await until(
      async () => {
        const nodes = (await live(id)).map((replica) => replica.node_id);
        return nodes.length === 2 && !nodes.includes(gone!.node_id);
      },
      { what: 'a successor to run on another node' },
    );
    const left = (await statusOf(t, 'ada', id)).replicas.find((replica) => replica.id === gone!.id);
    expect(left).toMatchObject({ status: 'stopping', reason: expect.stringMatching(/^Node .+ is lost$/) });
    expect((await nodeOf(gone!.node_id)).reserved.cpu_cores).toBe(0.5);

    await engine.setUnreachable(gone!.node_id, false);
    await until(async () => (await nodeOf(gone!.node_id)).reserved.cpu_cores === 0, { what: 'the old container to be removed' });
    expect(await engine.has(gone!.id)).toBe(false);
    expect(await live(id)).toHaveLength(2);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
  });

  it('keeps its replicas where there is no room elsewhere, and they are confirmed again when it returns', async () => {
    const id = await deployed(t, 'ada', { resources: { cpu: 1, memory: 512, gpu: 2, storage: 1 } });
    const [only] = await live(id);
    await engine.setUnreachable(only!.node_id, true);
    await until(async () => (await statusOf(t, 'ada', id)).work?.last_error?.includes('Insufficient nodes'), {
      what: 'no room to be told',
    });
    expect(await live(id)).toMatchObject([{ id: only!.id, confirmed: false }]);
    await engine.setUnreachable(only!.node_id, false);
    await back(only!.node_id);
    const healthy = await until(async () => [await statusOf(t, 'ada', id)].find(({ health }) => health === 'healthy'), {
      what: 'it to be healthy again',
    });
    expect(healthy.replicas.filter(({ status }) => status === 'running')).toMatchObject([{ id: only!.id, confirmed: true }]);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
  });

  it('keeps them for ever where an administrator says so', async () => {
    const id = await deployed(t, 'ada');
    const [only] = await live(id);
    const { body } = await change(only!.node_id, { lost_after_seconds: 0 }).expect(200);
    expect(body.lost_after_seconds).toBe(0);
    await engine.setUnreachable(only!.node_id, true);
    await offline(only!.node_id);
    const other = await deployed(t, 'ada', { replicas: 2 });
    const [second] = await live(other);
    await engine.setUnreachable(second!.node_id, true);
    await until(async () => (await live(other)).every(({ node_id: node }) => node !== second!.node_id), {
      what: 'the other node to be lost',
    });
    expect(await live(id)).toMatchObject([{ id: only!.id, node_id: only!.node_id, confirmed: false }]);
    for (const node of [only!.node_id, second!.node_id]) await engine.setUnreachable(node, false);
    expect((await change(only!.node_id, { lost_after_seconds: null }).expect(200)).body.lost_after_seconds).toBeNull();
  });

  it.each([-1, 604_801, 1.5, '60'])('refuses lost_after_seconds %j', async (value) => {
    const [node] = (await t.as('ada').get('/api/nodes').expect(200)).body;
    const { body } = await change(node.id, { lost_after_seconds: value }).expect(422);
    expect(body.errors).toMatchObject([{ pointer: '/lost_after_seconds' }]);
  });
});
