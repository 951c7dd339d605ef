import { deployed } from '../support/deployments';
import { FollowedEngine } from '../support/followed-engine';
import { LogStreamClient } from '../support/log-stream';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { SimulatedEngine } from '../support/simulated-engine';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const follow = async (t: TestApp, id: string, query = ''): Promise<LogStreamClient> =>
  LogStreamClient.open(`${t.url}/api/deployment/${id}/stats?follow=true${query}`, await t.token('ada'));

describe('GET /api/deployment/{id}/stats', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0' } });
    await Promise.all([t.userId('ada'), t.userId('eve')]);
  });
  afterAll(() => t?.close());

  it('tells what every replica uses, and why there is nothing of one whose node does not answer', async () => {
    const id = await deployed(t, 'ada', { replicas: 2, resources: { cpu: 0.5, memory: 512 } });
    const { body } = await t.as('ada').get(`/api/deployment/${id}/stats`).expect(200);
    const one = {
      ...{ replica_id: expect.any(String), node_name: expect.any(String), runtime: 'simulated', sampled_at: expect.any(String) },
      ...{ cpu_limit_cores: 0.5, memory_used_mb: 64, memory_percent: 12.5, memory_limit_mb: 512, reason: null },
      ...{ cpu_cores: expect.closeTo(0.05, 2), cpu_percent: expect.closeTo(10, 0) },
      ...{ network_rx_bytes: expect.any(Number), network_tx_bytes: expect.any(Number) },
    };
    expect(body).toEqual([one, one]);
    const [node] = await t.dataSource.query<{ id: string }[]>(`SELECT node_id AS id FROM deployment_replicas WHERE deployment_id = $1`, [
      id,
    ]);
    await new SimulatedEngine(t.dataSource).setUnreachable(node!.id, true);
    const reasons = async (): Promise<(string | null)[]> =>
      (await t.as('ada').get(`/api/deployment/${id}/stats`).expect(200)).body.map(({ reason }: { reason: string | null }) => reason);
    await until(async () => (await reasons()).filter((reason) => reason?.includes('does not answer')).length === 1);
    await new SimulatedEngine(t.dataSource).setUnreachable(node!.id, false);
  });

  it('is a stream that ends when the deployment is deleted', async () => {
    const id = await deployed(t, 'ada');
    const stream = await follow(t, id, '&interval=2');
    expect(stream.answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    await until(() => stream.of('stats').length >= 2, { what: 'two events' });
    expect(stream.of('stats')[1]?.data).toMatchObject([{ runtime: 'simulated', reason: null }]);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    await stream.untilEvent('end');
    await until(() => stream.ended);
    expect(stream.strange).toEqual([]);
    await t.as('ada').get(`/api/deployment/${id}/stats`).expect(404);
  });

  it('is nobody else’s business, and not asked for too often', async () => {
    const id = await deployed(t, 'ada');
    await t.as('eve').get(`/api/deployment/${id}/stats`).expect(404);
    await t.as('eve').get(`/api/deployment/${id}/stats?follow=true`).expect(404);
    await t.as('ada').get('/api/deployment/nonsense/stats').expect(404);
    await t.as('ada').get(`/api/deployment/${id}/stats?follow=true&interval=1`).expect(400);
    await t.as('ada').head(`/api/deployment/${id}/stats?follow=true`).expect(200).expect('Content-Type', /json/);
  });
});

describe('GET /api/deployment/{id}/stats from engines', () => {
  it('asks an engine once for all who read at the same time', async () => {
    const t = await startTestApp({ env: { ROLE: 'api', RUNTIME: 'docker' } });
    const engine = await new FollowedEngine().start();
    try {
      engine.stats = { read: new Date().toISOString(), cpu_stats: { cpu_usage: { total_usage: 1 } }, memory_stats: { usage: 1_048_576 } };
      const id = await aDeployment(t.dataSource, { user_id: await t.userId('ada'), container: { env: { PASSWORD: 'hunter-2-of-ada' } } });
      const node_id = await aNode(t.dataSource, { runtime: 'docker', endpoint: engine.endpoint });
      await aPlacedReplica(t.dataSource, { deployment_id: id, node_id }, { cpuCores: 0.1, memoryMb: 8 });
      const answers = await Promise.all(Array.from({ length: 8 }, () => t.as('ada').get(`/api/deployment/${id}/stats`).expect(200)));
      for (const { body } of answers) expect(body).toEqual(answers[0]?.body);
      expect(answers[0]?.body).toMatchObject([{ memory_used_mb: 1, memory_limit_mb: 8, cpu_cores: null, network_rx_bytes: null }]);
      // Two samples, since there was none before.
      expect(engine.asked.filter((path) => path.endsWith('/stats'))).toHaveLength(2);
      engine.goAway();
      await until(async () => {
        const { text } = await t.as('ada').get(`/api/deployment/${id}/stats`).expect(200);
        expect(text).not.toMatch(/hunter|127\.0\.0\.1|tcp:/);
        return text.includes('"reason":"The engine of this node');
      });
    } finally {
      await t.close();
      await engine.close();
    }
  });
});
