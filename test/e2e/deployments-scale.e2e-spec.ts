import {
  deploy,
  deployed,
  expectGone,
  expectInvariants,
  historyOf,
  reaches,
  replicaStatuses,
  statusOf,
  recordRows,
  UNKNOWN_ID,
} from '../support/deployments';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('POST /api/deployment/scale/{deployment_id}', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());
  afterEach(() => expectInvariants(t.dataSource));

  const scale = (id: string, replicas: number, user = 'ada') => t.as(user).post(`/api/deployment/scale/${id}`).send({ replicas });
  const remove = (id: string) => t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  const running = (id: string, count: number): Promise<boolean> =>
    until(async () => (await statusOf(t, 'ada', id)).replicas.filter((r) => r.status === 'running').length === count, {
      what: `${String(count)} running replicas`,
    });
  const last = async (id: string) => (await historyOf(t, 'ada', id)).at(-1);

  it('goes up, down and nowhere, with the answers and history rows of the contract', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    const before = await statusOf(t, 'ada', id);

    const up = await scale(id, 5).expect(200);
    expect(up.body).toEqual({
      success: true,
      deployment_id: id,
      status: 'running',
      replicas: 5,
      message: 'Scaled up to 5 replicas (3 added)',
    });
    const placed = await t.dataSource.query<unknown[]>(`SELECT 1 FROM reservations WHERE deployment_id = $1 AND released_at IS NULL`, [id]);
    expect(placed).toHaveLength(5);
    await running(id, 5);
    expect(await last(id)).toMatchObject({
      old_status: 'running',
      new_status: 'running',
      reason: 'Scaled up from 2 to 5 replicas (3 added)',
      changed_by: await t.userId('ada'),
    });
    expect((await statusOf(t, 'ada', id)).target_replicas).toBe(5);
    expect((await t.as('ada').get(`/api/deployment/${id}`)).body.placements.map((p: { cause: string }) => p.cause)).toEqual([
      'scale',
      'deploy',
    ]);

    const same = await scale(id, 5).expect(200);
    expect(same.body).toEqual({
      success: true,
      deployment_id: id,
      status: 'running',
      replicas: 5,
      message: 'Deployment already at 5 replicas',
    });
    expect(await historyOf(t, 'ada', id)).toHaveLength(4);

    const down = await scale(id, 3).expect(200);
    expect(down.body).toEqual({
      success: true,
      deployment_id: id,
      status: 'running',
      replicas: 3,
      message: 'Scaled down to 3 replicas (2 removed)',
    });
    expect(await last(id)).toMatchObject({
      old_status: 'running',
      new_status: 'running',
      reason: 'Scaled down from 5 to 3 replicas (2 removed)',
    });
    await until(async () => replicaStatuses(await statusOf(t, 'ada', id)).join() === 'running,running,running,stopped,stopped');
    const after = await statusOf(t, 'ada', id);
    const ended = after.replicas.filter((replica) => replica.status === 'stopped').map((replica) => replica.id);
    expect(ended.sort()).toEqual(before.replicas.map((replica) => replica.id).sort());
    expect(after).toMatchObject({ health: 'healthy', target_replicas: 3 });
    expect(new Date(after.updated_at).getTime()).toBeGreaterThan(new Date(before.updated_at).getTime());
    await remove(id);
    await expectGone(t.dataSource, id);
  });

  it('refuses with 503 and changes nothing when not all of the new replicas have a place', async () => {
    const id = await deployed(t, 'ada', { resources: { cpu: 8, memory: 512, storage: 1 } });
    const before = await recordRows(t.dataSource);
    const refused = await scale(id, 10).expect(503);
    expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(refused.body).toMatchObject({
      code: 'insufficient_nodes',
      status: 503,
      detail: 'Insufficient nodes for scale-up: need 9, found 5 with capacity',
      shortages: ['cpu: 8 cores needed per replica, at most 0 cores free on a node'],
    });
    expect(await recordRows(t.dataSource)).toEqual(before);
    await scale(id, 6).expect(200);
    await running(id, 6);
    await remove(id);
  });

  it('changes the wish of a stopped deployment, whose next start follows it', async () => {
    const id = await deployed(t, 'ada', { replicas: 3 });
    await t.as('ada').post(`/api/deployment/${id}/stop`).expect(202);
    await expectGone(t.dataSource, id);
    expect((await scale(id, 1).expect(200)).body).toMatchObject({
      status: 'stopped',
      replicas: 1,
      message: 'Scaled down to 1 replicas (2 removed)',
    });
    expect(await last(id)).toMatchObject({
      old_status: 'stopped',
      new_status: 'stopped',
      reason: 'Scaled down from 3 to 1 replicas (2 removed)',
    });
    expect((await scale(id, 1).expect(200)).body.message).toBe('Deployment already at 1 replicas');
    expect((await scale(id, 2).expect(200)).body.message).toBe('Scaled up to 2 replicas (1 added)');
    await expectGone(t.dataSource, id);
    await t.as('ada').post(`/api/deployment/${id}/start`).expect(202);
    await reaches(t, 'ada', id, 'running', 'healthy');
    await running(id, 2);
    await remove(id);
  });

  it('refuses a failed one with 400 and a deleted one with 400 to its owner and 404 to a stranger', async () => {
    const failed = await deploy(t, 'ada', { resources: { cpu: 32, memory: 512 } });
    await reaches(t, 'ada', failed, 'failed');
    expect((await scale(failed, 2).expect(400)).body).toMatchObject({
      code: 'invalid_state',
      detail: 'Cannot scale deployment in failed state',
    });
    await remove(failed);
    expect((await scale(failed, 2).expect(400)).body).toMatchObject({
      code: 'invalid_state',
      detail: 'Cannot scale deployment in deleted state',
    });
    const stranger = await scale(failed, 2, 'bob').expect(404);
    expect(stranger.body).toMatchObject({ code: 'not_found', detail: `Deployment ${failed} not found or access denied` });
    expect((await scale(UNKNOWN_ID, 2).expect(404)).body.detail).toBe(`Deployment ${UNKNOWN_ID} not found or access denied`);
    expect((await scale('no-uuid', 2).expect(404)).body.detail).toBe('Invalid deployment ID format');
  });

  it('replaces failed replicas that wait for their turn when the wish changes', async () => {
    const id = await deployed(t, 'ada', { container_image: 'nginx', replicas: 2 });
    // Only after ten seconds is the second failure in a row replaced.
    await t.dataSource.query(`UPDATE deployment_replicas SET attempt = 5 WHERE deployment_id = $1`, [id]);
    await t.dataSource.query(
      `UPDATE simulated_workloads SET exits_at = clock_timestamp(), exit_code = 1, exit_reason = 'Exited with code 1' WHERE replica_id =
       (SELECT id FROM deployment_replicas WHERE deployment_id = $1 ORDER BY id LIMIT 1)`,
      [id],
    );
    await reaches(t, 'ada', id, 'running', 'degraded');
    expect((await scale(id, 2).expect(200)).body.message).toBe('Scaled up to 2 replicas (1 added)');
    expect(await last(id)).toMatchObject({ reason: 'Scaled up from 1 to 2 replicas (1 added)' });
    await reaches(t, 'ada', id, 'running', 'healthy');
    await remove(id);
  });
});

describe('scaling before the placement', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api' } });
  });
  afterAll(() => t?.close());

  it('changes the wish of a pending deployment', async () => {
    const id = await deploy(t, 'ada', { replicas: 2 });
    const answer = await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 4 }).expect(200);
    expect(answer.body).toEqual({
      success: true,
      deployment_id: id,
      status: 'pending',
      replicas: 4,
      message: 'Scaled up to 4 replicas (2 added)',
    });
    expect((await historyOf(t, 'ada', id)).at(-1)).toMatchObject({ old_status: 'pending', new_status: 'pending' });
    expect(await statusOf(t, 'ada', id)).toMatchObject({ status: 'pending', target_replicas: 4, replicas: [] });
  });
});

describe('scaling while the reconciler is not done with what came before', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api' } });
  });
  afterAll(() => t?.close());

  /** A deployment that wants five replicas and has `live` of them: as after a change that was current at once, or after a rollout. */
  const unsettled = async (live: number): Promise<string> => {
    const id = await aDeployment(t.dataSource, { user_id: await t.userId('ada'), target_replicas: 5, status: 'scheduled' });
    const node = await aNode(t.dataSource);
    for (let each = 0; each < live; each++) await aPlacedReplica(t.dataSource, { deployment_id: id, node_id: node, status: 'starting' });
    return id;
  };
  const scale = async (id: string, replicas: number): Promise<string> =>
    (await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas }).expect(200)).body.message;
  const liveOf = async (id: string): Promise<number> => {
    const live = `SELECT 1 FROM deployment_replicas WHERE deployment_id = $1 AND status IN ('pending','starting','running')`;
    return (await t.dataSource.query<unknown[]>(live, [id])).length;
  };

  it.each([1, 7])('tells what was wanted, whether fewer live or more: %i', async (live) => {
    expect(await scale(await unsettled(live), 5)).toBe('Deployment already at 5 replicas');
    expect(await scale(await unsettled(live), 6)).toBe('Scaled up to 6 replicas (1 added)');
    expect(await scale(await unsettled(live), 4)).toBe('Scaled down to 4 replicas (1 removed)');
  });

  it('places what is added, leaves what is missing to the reconciler, and ends only what is too much', async () => {
    const [fewer, enough, more] = [await unsettled(1), await unsettled(3), await unsettled(7)];
    await scale(fewer, 7);
    await scale(enough, 2);
    await scale(more, 4);
    expect(await Promise.all([fewer, enough, more].map(liveOf))).toEqual([3, 2, 4]);
  });
});

describe('a scale-down', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api' } });
  });
  afterAll(() => t?.close());

  type Status = 'pending' | 'starting' | 'running';
  /** A running deployment with these replicas, the oldest first; gives the places of those that are left after scaling to `target`. */
  const left = async (replicas: readonly (readonly [Status, 'answers' | 'silent'])[], target: number): Promise<number[]> => {
    const nodes = { answers: await aNode(t.dataSource), silent: await aNode(t.dataSource, { last_heartbeat: new Date('2026-01-01Z') }) };
    const id = await aDeployment(t.dataSource, { user_id: await t.userId('ada'), target_replicas: replicas.length });
    const ids: string[] = [];
    for (const [status, node] of replicas)
      ids.push(await aPlacedReplica(t.dataSource, { deployment_id: id, node_id: nodes[node], status }));
    await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: target }).expect(200);
    const live = await t.dataSource.query<{ id: string }[]>(
      `SELECT id FROM deployment_replicas WHERE deployment_id = $1 AND status IN ('pending','starting','running')`,
      [id],
    );
    return live.map((row) => ids.indexOf(row.id)).sort();
  };

  it('keeps the replica that runs while others only start', async () => {
    const replicas = [
      ['running', 'answers'],
      ['starting', 'answers'],
      ['pending', 'answers'],
    ] as const;
    expect(await left(replicas, 1)).toEqual([0]);
  });

  it('keeps the replicas on the node that answers, and lets go of those on the silent one', async () => {
    const replicas = [
      ['running', 'answers'],
      ['running', 'silent'],
      ['running', 'answers'],
      ['running', 'silent'],
    ] as const;
    expect(await left(replicas, 2)).toEqual([0, 2]);
  });

  it('rather keeps a replica that starts on a node that answers than one that may run on a silent node', async () => {
    const replicas = [
      ['running', 'silent'],
      ['starting', 'answers'],
    ] as const;
    expect(await left(replicas, 1)).toEqual([1]);
  });

  it('ends the oldest where all of them run', async () => {
    const running = ['running', 'answers'] as const;
    expect(await left([running, running, running], 2)).toEqual([1, 2]);
  });
});
