import { SimulatedEngine } from '../support/simulated-engine';
import { aChange, aReplica } from '../support/rows';
import {
  deploy,
  deployed,
  expectInvariants,
  historyOf,
  ISO_TIME,
  NEITHER_DELETED_NOR_HELD,
  reaches,
  settles,
  replicaStatuses,
  statusOf,
  UNKNOWN_ID,
  UUID,
} from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('GET /api/deployment/status/{deployment_id}', () => {
  let t: TestApp;
  let engine: SimulatedEngine;
  /** A deployment that tries to start three times, the last time after ten seconds, while the other tests run. */
  let imageless: string;
  beforeAll(async () => {
    t = await startTestApp({ env: { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '3' } });
    engine = new SimulatedEngine(t.dataSource);
    imageless = await deploy(t, 'bob', { container_image: 'simulated/missing:1' });
  });
  afterAll(() => t?.close());
  afterEach(() => expectInvariants(t.dataSource));

  const remove = (id: string) => t.as('ada').delete(`/api/deployment/${id}`).expect(200);

  it('shows every field of the contract', async () => {
    const id = await deployed(t, 'ada', { name: 'shown', replicas: 2, resources: { cpu: 2, memory: 4096, storage: 50 } });
    await settles(t, 'ada', id);
    const { body } = await t.as('ada').get(`/api/deployment/status/${id}`).expect(200);
    const replica = {
      id: expect.stringMatching(UUID),
      node_id: expect.stringMatching(UUID),
      status: 'running',
      paused: false,
      container_id: expect.stringMatching(/^[0-9a-f]{64}$/),
      started_at: expect.stringMatching(ISO_TIME),
      stopped_at: null,
      node_name: expect.stringMatching(/^demo-/),
      runtime: 'simulated',
      confirmed: true,
      healthy: null,
      observed_at: expect.stringMatching(ISO_TIME),
      reason: null,
      attempt: 0,
      revision: 1,
      ports: [],
    };
    expect(body).toEqual({
      deployment_id: id,
      id,
      name: 'shown',
      project: 'ada',
      project_id: await t.userId('ada'),
      status: 'running',
      health: 'healthy',
      health_reasons: [],
      target_replicas: 2,
      revision: 1,
      rollout: null,
      routes: [],
      replicas: [replica, replica],
      resources: { cpu_cores: 2, memory_mb: 4096, gpu_units: 0, storage_gb: 50 },
      recent_status_changes: [
        {
          old_status: 'scheduled',
          new_status: 'running',
          changed_at: expect.stringMatching(ISO_TIME),
          reason: 'All 2 replicas started successfully',
        },
        {
          old_status: 'pending',
          new_status: 'scheduled',
          changed_at: expect.stringMatching(ISO_TIME),
          reason: 'Scheduled 2 replicas across nodes',
        },
        { old_status: 'none', new_status: 'pending', changed_at: expect.stringMatching(ISO_TIME), reason: 'Deployment created by user' },
      ],
      work: null,
      created_at: expect.stringMatching(ISO_TIME),
      updated_at: expect.stringMatching(ISO_TIME),
      ...NEITHER_DELETED_NOR_HELD,
    });
    await remove(id);
  });

  it('answers 404 to what is missing, in the words of the contract', async () => {
    for (const path of [`status/${UNKNOWN_ID}`, UNKNOWN_ID, `${UNKNOWN_ID}/history`]) {
      const { body } = await t.as('ada').get(`/api/deployment/${path}`).expect(404);
      expect(body).toMatchObject({ code: 'not_found', detail: `Deployment ${UNKNOWN_ID} not found or access denied` });
    }
    for (const path of ['status/no-uuid', 'no-uuid', 'no-uuid/history', 'status/%00', `status/${'a'.repeat(900)}`]) {
      const { body } = await t.as('ada').get(`/api/deployment/${path}`).expect(404);
      expect(body).toMatchObject({ code: 'not_found', detail: 'Invalid deployment ID format' });
    }
  });

  it.each([
    ['dies', (id: string) => engine.kill(id), 'Killed (exit code 137)'],
    ['vanishes', (id: string) => engine.vanish(id), 'The container has vanished from its node'],
  ])('tells within seconds that a replica %s, and that it was replaced', async (_what, harm, words) => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    const before = await statusOf(t, 'ada', id);
    const victim = before.replicas[0]!.id;
    await harm(victim);
    const start = performance.now();
    const after = await until(async () => {
      const body = await statusOf(t, 'ada', id);
      return body.replicas.find((replica) => replica.id === victim)?.status === 'failed' && body.health === 'healthy' ? body : null;
    });
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(after.replicas.find((replica) => replica.id === victim)).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining(words),
    });
    expect(replicaStatuses(after)).toEqual(['failed', 'running', 'running']);
    expect(after).toMatchObject({ status: 'running', target_replicas: 2, health_reasons: [] });
    expect(after.replicas.find((replica) => replica.attempt === 1)).toMatchObject({ status: 'running' });
    expect((await t.as('ada').get(`/api/deployment/${id}`)).body.placements[0]).toMatchObject({ cause: 'replace', requested: 1 });
    await remove(id);
  });

  it('shows a crash loop as such and does not spin', async () => {
    const id = await deployed(t, 'ada');
    const killLiving = async (): Promise<string> => {
      const { replicas } = await reaches(t, 'ada', id, 'running', 'healthy');
      const living = replicas.find((replica) => replica.status === 'running')!.id;
      await engine.kill(living, 3);
      return living;
    };
    await killLiving();
    await until(async () =>
      (await statusOf(t, 'ada', id)).replicas.some((replica) => replica.attempt === 1 && replica.status === 'running'),
    );
    const second = await killLiving();
    const body = await until(async () => {
      const status = await statusOf(t, 'ada', id);
      return status.replicas.find((replica) => replica.id === second)?.status === 'failed' ? status : null;
    });
    expect(body).toMatchObject({ status: 'running', health: 'unhealthy' });
    expect(body.replicas.find((replica) => replica.id === second)!.reason).toMatch(/code 3.*failed 2 times in a row; next attempt in 10 s/);
    expect(body.health_reasons[0]).toBe('0 of 1 replicas running');
    expect(body.health_reasons[1]).toMatch(/^A replica on demo-.* failed: .*code 3/);
    expect(body.replicas).toHaveLength(2);
    await remove(id);
  });

  it('says that it cannot confirm the replicas of a node that does not answer, and confirms them when it returns', async () => {
    const id = await deployed(t, 'ada');
    const [replica] = (await statusOf(t, 'ada', id)).replicas;
    await engine.setUnreachable(replica!.node_id, true);
    const lost = await reaches(t, 'ada', id, 'running', 'degraded');
    expect(lost.replicas[0]).toMatchObject({ id: replica!.id, status: 'running', confirmed: false });
    expect(lost.health_reasons).toEqual([
      expect.stringMatching(/^1 running replicas on demo-.* cannot be confirmed: the node does not answer$/),
    ]);
    await engine.setUnreachable(replica!.node_id, false);
    const back = await reaches(t, 'ada', id, 'running', 'healthy');
    expect(back.replicas).toEqual([expect.objectContaining({ id: replica!.id, status: 'running', confirmed: true })]);
    await remove(id);
  });

  it('shows the ten newest replicas of the past unless it is asked for others', async () => {
    const id = await deployed(t, 'ada');
    const [current] = (await statusOf(t, 'ada', id)).replicas;
    const stopped = { deployment_id: id, node_id: current!.node_id, status: 'stopped', stopped_at: new Date() };
    const past: string[] = [];
    for (let minutesAgo = 1; minutesAgo <= 12; minutesAgo++)
      past.push(await aReplica(t.dataSource, { ...stopped, created_at: new Date(Date.now() - minutesAgo * 60_000) }));
    const shown = async (query: string): Promise<string[]> => {
      const { body } = await t.as('ada').get(`/api/deployment/status/${id}${query}`).expect(200);
      return body.replicas.map((replica: { id: string }) => replica.id);
    };
    expect(await shown('')).toEqual([current!.id, ...past.slice(0, 10)]);
    expect(await shown('?finished_replicas=11')).toEqual([current!.id, ...past.slice(0, 11)]);
    expect(await shown('?finished_replicas=1000')).toEqual([current!.id, ...past]);
    await remove(id);
  });

  describe('history', () => {
    it('shows the last ten changes in the status and pages through all of them', async () => {
      const id = await deployed(t, 'ada');
      for (let n = 1; n <= 12; n++)
        await aChange(t.dataSource, { deployment_id: id, old_status: 'running', new_status: 'running', reason: `change ${String(n)}` });
      const status = await statusOf(t, 'ada', id);
      expect(status.recent_status_changes.map((change) => change.reason)).toEqual(
        [12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map((n) => `change ${String(n)}`),
      );
      expect(await historyOf(t, 'ada', id)).toHaveLength(15);

      const url = `/api/deployment/${id}/history`;
      const reasons = (body: { reason: string }[]): string[] => body.map((row) => row.reason);
      const first = await t.as('ada').get(`${url}?limit=6`).expect(200);
      expect(reasons(first.body)).toEqual(['change 12', 'change 11', 'change 10', 'change 9', 'change 8', 'change 7']);
      expect(first.headers['x-total-count']).toBe('15');
      const seen: string[] = reasons(first.body);
      let next = /<([^>]+)>; rel="next"/.exec(first.headers.link ?? '')?.[1];
      expect(first.headers.link).not.toContain('rel="prev"');
      // A change between two pages moves every offset, but no page.
      await aChange(t.dataSource, { deployment_id: id, old_status: 'running', new_status: 'running', reason: 'change 13' });
      let last = '';
      while (next !== undefined) {
        last = next;
        const page = await t.as('ada').get(next).expect(200);
        seen.push(...reasons(page.body));
        next = /<([^>]+)>; rel="next"/.exec(page.headers.link ?? '')?.[1];
      }
      expect(seen).toHaveLength(15);
      expect(new Set(seen).size).toBe(15);
      expect(seen.at(-1)).toBe('Deployment created by user');
      const back = await t.as('ada').get(last).expect(200);
      const prev = /<([^>]+)>; rel="prev"/.exec(back.headers.link ?? '')![1]!;
      expect(reasons((await t.as('ada').get(prev).expect(200)).body)).toEqual(seen.slice(6, 12));

      const byOffset = await t.as('ada').get(`${url}?offset=14&limit=5`).expect(200);
      expect(reasons(byOffset.body)).toEqual(['Scheduled 1 replicas across nodes', 'Deployment created by user']);
      const beyond = await t.as('ada').get(`${url}?offset=100`).expect(200);
      expect(beyond.body).toEqual([]);
      expect(beyond.headers['x-total-count']).toBe('16');
      await remove(id);
    });

    it.each([
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['offset=-1', 'offset'],
      ['include_deleted=1', 'include_deleted'],
      ['page=2', 'page'],
      ['cursor=rubbish', 'cursor'],
      ['cursor=99999999999999999999', 'cursor'],
      ['cursor=', 'cursor'],
    ])('answers 400 to ?%s', async (query, pointer) => {
      const id = await deploy(t, 'ada');
      const { body } = await t.as('ada').get(`/api/deployment/${id}/history?${query}`).expect(400);
      expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
      await remove(id);
    });
  });

  it('is failed with the reason when the image cannot be had', async () => {
    const reason = 'Image simulated/missing:1 was not found (simulated)';
    const failed = await reaches(t, 'bob', imageless, 'failed', 'unhealthy');
    expect(failed.recent_status_changes[0]!.reason).toContain(`Replicas did not start: ${reason}`);
    expect(failed.replicas.map((replica) => [replica.status, replica.attempt])).toEqual([
      ['failed', 2],
      ['failed', 1],
      ['failed', 0],
    ]);
    expect(failed.health_reasons).toContain(failed.recent_status_changes[0]!.reason);
    const shown = async (finished: number): Promise<number[]> => {
      const { body } = await t.as('bob').get(`/api/deployment/status/${imageless}?finished_replicas=${finished}`).expect(200);
      return body.replicas.map((replica: { attempt: number }) => replica.attempt);
    };
    expect([await shown(0), await shown(1)]).toEqual([[2], [2, 1]]);
    await t.as('bob').get(`/api/deployment/status/${imageless}?finished_replicas=1001`).expect(400);
    expect(failed.replicas[1]!.reason).toBe(`${reason} (failed 2 times in a row; next attempt in 10 s)`);
    await t.as('bob').delete(`/api/deployment/${imageless}`).expect(200);
  });
});
