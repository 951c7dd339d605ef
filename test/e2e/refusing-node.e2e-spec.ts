import { deploy, reaches, statusOf, type HistoryEntry } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';

const BROKEN = 'demo-us-west';
const SOUND = 'demo-eu-west';

/** Two nodes, of which one answers and starts nothing, such as one whose ports fail. */
describe('a node that cannot start containers', () => {
  let t: TestApp;
  let nodes: ReadonlyMap<string, string>;
  beforeAll(async () => {
    t = await startTestApp();
    const list = (await t.as('root', { admin: true }).get('/api/nodes').expect(200)).body as { id: string; name: string }[];
    nodes = new Map(list.map(({ id, name }) => [name, id]));
    for (const { id, name } of list) {
      if (name !== BROKEN && name !== SOUND) await t.as('root').patch(`/api/nodes/${id}`).send({ cordoned: true }).expect(200);
    }
  });
  afterAll(() => t?.close());

  it('is remembered: what it refused runs on another one, and the failure names it', async () => {
    const id = await deploy(t, 'ada', { container_image: `simulated/refused-by:${BROKEN}`, replicas: 2 });
    const { replicas } = await reaches(t, 'ada', id, 'running', 'healthy');
    const [live, failed] = ['running', 'failed'].map((status) => replicas.filter((replica) => replica.status === status));
    expect(live!.map((replica) => replica.node_id)).toEqual([nodes.get(SOUND), nodes.get(SOUND)]);
    expect(failed).toMatchObject([
      { node_id: nodes.get(BROKEN), reason: expect.stringContaining(`engine of node ${BROKEN} cannot start`) },
    ]);
    const history = (await t.as('ada').get(`/api/deployment/${id}/history`).expect(200)).body as HistoryEntry[];
    expect(history.map((entry) => entry.new_status)).not.toContain('failed');

    await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 4 }).expect(200);
    await reaches(t, 'ada', id, 'running', 'healthy');
    const onBroken = (await statusOf(t, 'ada', id)).replicas.filter((replica) => replica.node_id === nodes.get(BROKEN));
    expect(onBroken).toHaveLength(1);
  });
});
