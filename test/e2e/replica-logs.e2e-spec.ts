import { deploy, statusOf } from '../support/deployments';
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
    const answer = {
      replica_id: expect.any(String),
      node_name: expect.any(String),
      lines: ['second', 'third'],
      cut: false,
      error: null,
      kept: false,
    };
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
    await new SimulatedEngine(t.dataSource).setUnreachable(node!.id, false);
  });

  it('keeps the last lines of replicas that have failed, and shows the very last one in the reason', async () => {
    const env = { SIMULATED_EXIT_AFTER_MS: '0', SIMULATED_EXIT_CODE: '3', SIMULATED_LOG: 'connecting\nno  route\n' };
    const spec = { name: 'dying', type: 'compute', container_image: 'nginx:1.27', resources: { cpu: 0.5, memory: 512 }, env };
    const dying: string = (await t.as('ada').post('/api/deployment/deploy').send(spec).expect(202)).body.deployment_id;
    const kept = await until(
      async () => {
        const { body } = await t.as('ada').get(`/api/deployment/${dying}/logs?tail=2`).expect(200);
        return body.length > 1 && body.every((entry: { kept: boolean }) => entry.kept) ? body : null;
      },
      { what: 'the lines of two failed replicas' },
    );
    expect(kept[0]).toMatchObject({ lines: ['no  route', ''], cut: false, error: null });
    const { replicas } = (await t.as('ada').get(`/api/deployment/status/${dying}`).expect(200)).body;
    expect(replicas.at(-1).reason).toBe('Exited with code 3; last line: no route');
    await t.as('eve').get(`/api/deployment/${dying}/logs`).expect(404);
    await t.as('ada').delete(`/api/deployment/${dying}`).expect(200);
  });

  it.each([
    ['2', [['three', 'four']], 'Exited with code 3; last line: four'],
    ['0', [], 'Exited with code 3'],
  ])('keeps as many last lines of a failed replica as KEPT_LOG_LINES says: %s', async (KEPT_LOG_LINES, kept, reason) => {
    const few = await startTestApp({ env: { KEPT_LOG_LINES } });
    try {
      const env = { SIMULATED_EXIT_AFTER_MS: '0', SIMULATED_EXIT_CODE: '3', SIMULATED_LOG: 'one\ntwo\nthree\nfour' };
      const dying = await deploy(few, 'ada', { env, restart: 'never' });
      const failed = async () => (await statusOf(few, 'ada', dying)).replicas.find(({ status }) => status === 'failed');
      expect((await until(failed, { what: 'the replica to fail' })).reason).toBe(reason);
      const { body } = await few.as('ada').get(`/api/deployment/${dying}/logs?tail=100`).expect(200);
      const entries = body as { kept: boolean; lines: string[] }[];
      expect(entries.filter((entry) => entry.kept).map(({ lines }) => lines)).toEqual(kept);
    } finally {
      await few.close();
    }
  });

  it('is nobody else’s business', async () => {
    await t.as('eve').get(`/api/deployment/${id}/logs`).expect(404);
    await t.as('ada').get('/api/deployment/nonsense/logs').expect(404);
    await t.as('ada').get(`/api/deployment/${id}/logs?tail=0`).expect(400);
  });
});
