import { deploy, reaches } from '../support/deployments';
import { SimulatedEngine } from '../support/simulated-engine';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const WHOLE_NODE = { cpu: 16, memory: 512, storage: 1 };

/** A fleet of one node: what has no room now and will have it waits, and what will never have it fails at once. */
describe('a deployment without room', () => {
  let t: TestApp;
  let nodeId: string;
  beforeAll(async () => {
    t = await startTestApp({
      env: { NODE_OFFLINE_AFTER_SECONDS: '4', NODE_SYNC_SECONDS: '1', SIMULATED_DELAY_MS: '300', START_DEADLINE_SECONDS: '20' },
    });
    const nodes = (await t.as('root', { admin: true }).get('/api/nodes').expect(200)).body as { id: string }[];
    nodeId = nodes[0]?.id ?? '';
    for (const { id } of nodes.slice(1)) await t.as('root').patch(`/api/nodes/${id}`).send({ cordoned: true }).expect(200);
  });
  afterAll(() => t?.close());

  const status = async (id: string) => (await t.as('ada').get(`/api/deployment/status/${id}`).expect(200)).body;

  it('starts again right after a stop, although its own containers still hold the room', async () => {
    const id = await deploy(t, 'ada', { container_image: 'simulated/slow:1', resources: WHOLE_NODE });
    await reaches(t, 'ada', id, 'running', undefined, { timeoutMs: 30_000 });
    await t.as('ada').post(`/api/deployment/${id}/stop`).expect(202);
    await t.as('ada').post(`/api/deployment/${id}/start`).expect(202);
    await reaches(t, 'ada', id, 'running', undefined, { timeoutMs: 30_000 });
    const history = (await t.as('ada').get(`/api/deployment/${id}/history`).expect(200)).body as { new_status: string }[];
    expect(history.map(({ new_status: to }) => to)).not.toContain('failed');
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  });

  it('waits for a node that does not answer, says so, and runs when it is back', async () => {
    await new SimulatedEngine(t.dataSource).setUnreachable(nodeId, true);
    await until(async () => (await t.as('root').get(`/api/nodes/${nodeId}`)).body.status === 'offline', { what: 'the node to be offline' });
    const id = await deploy(t, 'ada');
    const waiting = await until(
      async () => {
        const body = await status(id);
        return body.work?.last_error ? body : null;
      },
      { what: 'the reason' },
    );
    expect(waiting).toMatchObject({ status: 'pending', health: 'unhealthy' });
    expect(waiting.health_reasons.join()).toMatch(/Waits for room: Insufficient nodes: need 1, found 0 with capacity.*not available/);
    await new SimulatedEngine(t.dataSource).setUnreachable(nodeId, false);
    await reaches(t, 'ada', id, 'running', undefined, { timeoutMs: 30_000 });
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  });

  it('fails when the time for it is over', async () => {
    await new SimulatedEngine(t.dataSource).setUnreachable(nodeId, true);
    await until(async () => (await t.as('root').get(`/api/nodes/${nodeId}`)).body.status === 'offline', { what: 'the node to be offline' });
    const id = await deploy(t, 'ada');
    const body = await reaches(t, 'ada', id, 'failed', undefined, { timeoutMs: 60_000 });
    expect(body.health_reasons.join()).toContain('Insufficient nodes: need 1, found 0 with capacity');
    await new SimulatedEngine(t.dataSource).setUnreachable(nodeId, false);
  });

  it('fails at once when no waiting will help', async () => {
    const id = await deploy(t, 'ada', { resources: { ...WHOLE_NODE, cpu: 17 } });
    await reaches(t, 'ada', id, 'failed');
  });
});
