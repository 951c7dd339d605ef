import { setTimeout as sleep } from 'node:timers/promises';
import { DeploymentWatch } from '../../src/watching/deployment-watch';
import { deploy, deployed, NO_IDS, settles, UNKNOWN_ID } from '../support/deployments';
import { QueryTap } from '../support/query-tap';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface Waited {
  reached: boolean;
  status: string;
  deployment_id: string;
  replicas: unknown[];
}

describe('GET /api/deployment/{id}/wait', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0' } });
    await Promise.all([t.userId('ada'), t.userId('eve')]);
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(() => t?.close());

  const wait = async (id: string, query: string, user = 'ada'): Promise<Waited> =>
    (await t.as(user).get(`/api/deployment/${id}/wait?${query}`).expect(200)).body as Waited;
  /** Counts who begins to wait. */
  const countWaiters = (): ((many: number) => Promise<unknown>) => {
    const join = jest.spyOn(t.app.get(DeploymentWatch, { strict: false }), 'join');
    return (many) => until(() => join.mock.calls.length >= many, { what: `${String(many)} to wait` });
  };

  it('follows a whole life, each step by one request', async () => {
    const id = await deploy(t, 'ada', { replicas: 2 });
    expect(await wait(id, 'for=running&timeout=60')).toMatchObject({ reached: true, status: 'running', deployment_id: id });
    expect(await wait(id, 'for=healthy&timeout=60')).toMatchObject({ reached: true, health: 'healthy' });
    expect(await wait(id, 'for=rolled_out&timeout=60')).toMatchObject({ reached: true });
    await t.as('ada').post(`/api/deployment/${id}/stop`).expect(202);
    expect(await wait(id, 'for=stopped&timeout=60')).toMatchObject({ reached: true, status: 'stopped' });
    await t.as('ada').post(`/api/deployment/${id}/start`).expect(202);
    expect(await wait(id, 'for=running&timeout=60')).toMatchObject({ reached: true, status: 'running' });
    await t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202);
    expect(await wait(id, 'for=torn_down&timeout=60')).toMatchObject({ reached: true, status: 'deleted' });
    const open = await t.dataSource.query<unknown[]>(`SELECT FROM reservations WHERE deployment_id = $1 AND released_at IS NULL`, [id]);
    expect(open).toEqual([]);
  });

  it('is not reached beside another health than healthy, as when a replica fails its check', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    await settles(t, 'ada', id);
    await t.dataSource.query(
      `INSERT INTO replica_checks (replica_id, deployment_id, run, healthy, reason)
       SELECT id, deployment_id, 'run', false, 'GET / answered 503' FROM deployment_replicas WHERE deployment_id = $1 LIMIT 1
           ON CONFLICT (replica_id) DO UPDATE SET healthy = false`,
      [id],
    );
    expect(await wait(id, 'for=healthy&timeout=0')).toMatchObject({ reached: false, status: 'running', health: 'degraded' });
    await t.dataSource.query(`UPDATE replica_checks SET healthy = true WHERE deployment_id = $1`, [id]);
    expect(await wait(id, 'for=healthy&timeout=60')).toMatchObject({ reached: true, health: 'healthy' });
  });

  it('tells the version of what it shows, for If-Match', async () => {
    const id = await deployed(t, 'ada');
    const status = await t.as('ada').get(`/api/deployment/status/${id}`).expect(200);
    const waited = await t.as('ada').get(`/api/deployment/${id}/wait?for=running`).expect(200);
    const version = (etag: string | undefined): string | undefined => etag?.split('.')[0];
    expect(version(waited.headers.etag)).toBe(version(status.headers.etag));
  });

  it('ends at once when what is waited for will not come true by itself', async () => {
    const id = await deployed(t, 'ada');
    const untilWaiting = countWaiters();
    const waiting = wait(id, 'for=stopped&timeout=300');
    await untilWaiting(1);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    expect(await waiting).toMatchObject({ reached: false, status: 'deleted' });
    expect(await wait(id, 'for=running&timeout=300')).toMatchObject({ reached: false, status: 'deleted' });
    const failed = await deploy(t, 'ada', { replicas: 100, resources: { cpu: 32, memory: 65_536 } });
    expect(await wait(failed, 'for=running&timeout=300')).toMatchObject({ reached: false, status: 'failed' });
  });

  it('ends when the time is over', async () => {
    const id = await deployed(t, 'ada');
    expect(await wait(id, 'for=torn_down&timeout=0')).toMatchObject({ reached: false, status: 'running' });
    const started = performance.now();
    expect(await wait(id, 'for=torn_down&timeout=1')).toMatchObject({ reached: false });
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  it('serves all who wait for any deployments with one statement a second', async () => {
    const ids = await Promise.all([deployed(t, 'ada'), deployed(t, 'ada')]);
    const untilWaiting = countWaiters();
    const waiting = [...ids, ...ids, ...ids].map((id) => wait(id, 'for=torn_down&timeout=300'));
    await untilWaiting(6);
    const tap = new QueryTap(t.dataSource);
    const statements = await tap.statements(() => sleep(3_000));
    expect(statements.filter(({ sql }) => sql.includes('deployment_rollouts') && sql.includes('outdated')).length).toBeLessThanOrEqual(5);
    await Promise.all(ids.map((id) => t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200)));
    expect((await Promise.all(waiting)).map(({ reached }) => reached)).toEqual(waiting.map(() => true));
  });

  it('gives a user ten places, and gives them back', async () => {
    const id = await deployed(t, 'ada');
    const untilWaiting = countWaiters();
    const leave = new AbortController();
    const headers = { Authorization: `Bearer ${await t.token('ada', {})}` };
    const url = `${t.url}/api/deployment/${id}/wait?for=stopped&timeout=300`;
    const open = Array.from({ length: 10 }, () => fetch(url, { headers, signal: leave.signal }));
    await untilWaiting(10);
    const refused = await t.as('ada').get(`/api/deployment/${id}/wait?for=stopped`).expect(429);
    expect(refused.headers['retry-after']).toBe('5');
    leave.abort();
    await Promise.allSettled(open);
    await until(async () => (await t.as('ada').get(`/api/deployment/${id}/wait?for=stopped&timeout=1`)).status === 200);
  });

  it('shows a stranger no deployment, live or deleted', async () => {
    const id = await deployed(t, 'ada');
    for (const condition of ['running', 'torn_down']) {
      const foreign = await t.as('eve').get(`/api/deployment/${id}/wait?for=${condition}`).expect(404);
      const missing = await t.as('eve').get(`/api/deployment/${UNKNOWN_ID}/wait?for=${condition}`).expect(404);
      expect(foreign.body.detail).toBe(missing.body.detail.replace(UNKNOWN_ID, id));
    }
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    await t.as('eve').get(`/api/deployment/${id}/wait?for=torn_down`).expect(404);
    for (const none of NO_IDS) await t.as('ada').get(`/api/deployment/${none}/wait?for=running`).expect(404);
  });

  it.each([
    ['', 'for'],
    ['for=gone', 'for'],
    ['for=running&for=stopped', 'for'],
    ['for=running&timeout=301', 'timeout'],
    ['for=running&timeout=-1', 'timeout'],
    ['for=running&until=1', 'until'],
  ])('refuses ?%s', async (query, pointer) => {
    const { body } = await t.as('ada').get(`/api/deployment/${UNKNOWN_ID}/wait?${query}`).expect(400);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
  });
});

describe('a process that ends', () => {
  it('answers who waits for a deployment, with the state so far', async () => {
    const t = await startTestApp();
    try {
      const id = await deployed(t, 'ada');
      const join = jest.spyOn(t.app.get(DeploymentWatch, { strict: false }), 'join');
      const headers = { Authorization: `Bearer ${await t.token('ada', {})}` };
      const waiting = fetch(`${t.url}/api/deployment/${id}/wait?for=stopped&timeout=300`, { headers });
      await until(() => join.mock.calls.length > 0);
      const closing = t.app.close();
      const answer = await waiting;
      expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ reached: false, status: 'running' })]);
      t.app.getHttpServer().closeAllConnections();
      await closing;
    } finally {
      jest.restoreAllMocks();
      await t.close();
    }
  });
});
