import { SimulatedEngine } from '../support/simulated-engine';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('GET /api/deployment/{id}/logs', () => {
  let t: TestApp;
  let id: string;
  beforeAll(async () => {
    t = await startTestApp();
    const spec = { name: 'talker', type: 'compute', container_image: 'nginx:1.27', replicas: 2, resources: { cpu: 0.5, memory: 512 } };
    const { body } = await t
      .as('ada')
      .post('/api/deployment/deploy')
      .send({ ...spec, env: { SIMULATED_LOG: 'first\nsecond\nthird' } })
      .expect(202);
    id = body.deployment_id;
    await until(async () => (await t.as('ada').get(`/api/deployment/status/${id}`)).body.status === 'running', {
      what: 'the deployment runs',
    });
  });
  afterAll(() => t?.close());

  it('gives the last lines of every replica, oldest first', async () => {
    const { body } = await t.as('ada').get(`/api/deployment/${id}/logs?tail=2`).expect(200);
    const answer = { replica_id: expect.any(String), node_name: expect.any(String), lines: ['second', 'third'], cut: false, error: null };
    expect(body).toEqual([answer, answer]);
  });

  it('tells in words when a node does not answer, and still answers for the others', async () => {
    const [node] = await t.dataSource.query<{ id: string }[]>(
      `SELECT node_id AS id FROM deployment_replicas WHERE deployment_id = $1 LIMIT 1`,
      [id],
    );
    await new SimulatedEngine(t.dataSource).setUnreachable(node!.id, true);
    const { body } = await t.as('ada').get(`/api/deployment/${id}/logs`).expect(200);
    expect(body.map((entry: { error: string | null }) => entry.error === null).sort()).toEqual([false, true]);
  });

  it('is nobody else’s business', async () => {
    await t.as('eve').get(`/api/deployment/${id}/logs`).expect(404);
    await t.as('ada').get('/api/deployment/nonsense/logs').expect(404);
    await t.as('ada').get(`/api/deployment/${id}/logs?tail=0`).expect(400);
  });
});
