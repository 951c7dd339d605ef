import { SimulatedEngine } from '../support/simulated-engine';
import { deployed, statusOf } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('draining a node', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '4' } });
  });
  afterAll(() => t?.close());

  const drain = (nodeId: string, draining: boolean) =>
    t
      .as('root', { admin: true })
      .patch(`/api/nodes/${nodeId}`)
      .send(draining ? { draining: true } : { cordoned: false })
      .expect(200);

  const nodesOfLive = async (id: string): Promise<string[]> =>
    (await statusOf(t, 'ada', id)).replicas
      .filter((replica: { status: string }) => replica.status === 'running')
      .map((replica: { node_id: string }) => replica.node_id);

  const hasMoved = (id: string, from: string) => async (): Promise<boolean> => {
    const nodes = await nodesOfLive(id);
    return nodes.length === 2 && !nodes.includes(from);
  };

  it('moves its replicas: the successors run before the others end, and nothing stays reserved', async () => {
    const id = await deployed(t, 'ada', { name: 'moves', replicas: 2 });
    const [from] = await nodesOfLive(id);
    await drain(from!, true);
    await until(hasMoved(id, from!), { what: 'both replicas run elsewhere' });
    await until(async () => (await t.as('ada').get(`/api/nodes/${from!}`)).body.reserved.cpu_cores === 0, { what: 'the node is empty' });
    const { body } = await t.as('ada').get(`/api/nodes/${from!}`);
    expect(body).toMatchObject({ status: 'maintenance', draining: true });
    await drain(from!, false);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  });

  it('also when its engine is gone: the successors run, and what it held stays reserved until it confirms', async () => {
    const engine = new SimulatedEngine(t.dataSource);
    const id = await deployed(t, 'ada', { name: 'survives', replicas: 2 });
    const [from] = await nodesOfLive(id);
    await engine.setUnreachable(from!, true);
    await until(async () => (await t.as('ada').get(`/api/nodes/${from!}`)).body.status === 'offline', { what: 'the node is offline' });
    await drain(from!, true);
    await until(hasMoved(id, from!), { what: 'both replicas run elsewhere' });
    expect((await t.as('ada').get(`/api/nodes/${from!}`)).body.reserved.cpu_cores).toBeGreaterThan(0);
    await engine.setUnreachable(from!, false);
    await until(async () => (await t.as('ada').get(`/api/nodes/${from!}`)).body.reserved.cpu_cores === 0, {
      what: 'the node has confirmed and is empty',
    });
  });
});
