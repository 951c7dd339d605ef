import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const SPEC = { type: 'compute', container_image: 'nginx:1.27', replicas: 3, resources: { cpu: 0.5, memory: 512, storage: 1 } };

describe('the life of a deployment', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  const status = async (id: string): Promise<{ status: string; health: string; replicas: { status: string }[] }> =>
    (await t.as('ada').get(`/api/deployment/status/${id}`).expect(200)).body;

  it('goes from pending over scheduled to running, scales up and down, and is deleted without a trace', async () => {
    const { body } = await t
      .as('ada')
      .post('/api/deployment/deploy')
      .send({ name: 'web', ...SPEC })
      .expect(202);
    expect(body).toEqual({
      success: true,
      deployment_id: expect.any(String),
      status: 'pending',
      replicas: 3,
      message: `Deployment queued for scheduling. Use /status/${body.deployment_id} to track progress.`,
    });
    const id: string = body.deployment_id;
    await until(async () => (await status(id)).status === 'running', { what: 'the deployment runs' });
    expect((await status(id)).health).toBe('healthy');

    const up = await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 5 }).expect(200);
    expect(up.body.message).toBe('Scaled up to 5 replicas (2 added)');
    await until(async () => (await status(id)).health === 'healthy', { what: 'all five run' });
    const down = await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 2 }).expect(200);
    expect(down.body.message).toBe('Scaled down to 2 replicas (3 removed)');

    const deleted = await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    expect(deleted.body).toEqual({
      success: true,
      deployment_id: id,
      status: 'deleted',
      replicas_stopped: 2,
      resources_released: true,
      deleted_at: expect.any(String),
      purge_at: expect.any(String),
      message: 'Deployment and 2 replicas deleted successfully',
    });
    await t.as('ada').get(`/api/deployment/status/${id}`).expect(404);
    const history = await t.as('ada').get(`/api/deployment/${id}/history?include_deleted=true`).expect(200);
    expect(history.body.map((row: { reason: string }) => row.reason)).toEqual([
      'User deletion: stopped 2 replicas, released resources',
      'Scaled down from 5 to 2 replicas (3 removed)',
      'Scaled up from 3 to 5 replicas (2 added)',
      'All 3 replicas started successfully',
      'Scheduled 3 replicas across nodes',
      'Deployment created by user',
    ]);
  });
});
