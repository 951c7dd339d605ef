import { deploy, deployed, expectGone, ISO_TIME, settles, statusOf, UNKNOWN_ID } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface Step {
  step: string;
  state: string;
  replica_id: string | null;
  node_name: string | null;
  detail: string;
  attempts: number;
  last_error: string | null;
  next_retry_at: string | null;
}

describe('GET /api/deployment/{deployment_id}/deletion', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '3', SIMULATED_DELAY_MS: '50' } });
  });
  afterAll(() => t?.close());

  const get = (id: string, query = '') => t.as('ada').get(`/api/deployment/${id}/deletion${query}`);
  const steps = (body: { steps: Step[] }): string[] => body.steps.map(({ step, state }) => `${step} ${state}`);

  it('has a line per step, all done when the teardown is', async () => {
    const id = await deployed(t, 'ada');
    const [replica] = (await statusOf(t, 'ada', id)).replicas;
    const { body: deleted } = await t.as('ada').delete(`/api/deployment/${id}`).set('X-Request-Id', 'followed').expect(200);
    const { body } = await get(id).expect(200);
    const common = { attempts: 0, last_error: null, next_retry_at: null };
    const whole = { ...common, replica_id: null, node_id: null, node_name: null };
    const { node_name } = body.steps[2];
    const own = { ...common, replica_id: replica!.id, node_id: replica!.node_id, node_name, at: expect.stringMatching(ISO_TIME) };
    expect(body).toEqual({
      deployment_id: id,
      generation: 1,
      state: 'done',
      stuck_since: null,
      waiting_for_nodes: [],
      requested_by: await t.userId('ada'),
      request_id: 'followed',
      operation_id: null,
      grace_seconds: 10,
      force: false,
      held_until: null,
      decided_at: deleted.deleted_at,
      completed_at: expect.stringMatching(ISO_TIME),
      restored_at: null,
      purge_at: deleted.purge_at,
      retention_policy: '30 days, the default',
      steps: [
        { step: 'remove_route', state: 'skipped', ...whole, detail: 'Nothing was published', at: null },
        { step: 'drain', state: 'done', ...whole, detail: 'Containers get 10 s to end by themselves', at: null },
        { step: 'stop', state: 'done', ...own, detail: 'It runs no more' },
        { step: 'confirm', state: 'done', ...own, detail: 'The engine knows it no more' },
        { step: 'release', state: 'done', ...own, detail: 'Its capacity is free' },
        { step: 'notify', state: 'done', ...whole, detail: 'The event of the end is in the feed', at: body.completed_at },
      ],
    });
  });

  it('shows which node it waits for, with the error, the attempts and the next one, and goes on when the node returns', async () => {
    const id = await deployed(t, 'ada', { ports: [{ container_port: 80 }] });
    await settles(t, 'ada', id);
    const [replica] = (await statusOf(t, 'ada', id)).replicas;
    await t.dataSource.query(`INSERT INTO simulated_node_faults (node_id) VALUES ($1)`, [replica!.node_id]);
    await t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202);
    const { body } = await until(async () => {
      const answer = await get(id).expect(200);
      return answer.body.state === 'waiting' && answer.body.stuck_since !== null ? answer : null;
    });
    const stop = (body.steps as Step[]).find(({ step }) => step === 'stop')!;
    expect(body).toMatchObject({ waiting_for_nodes: [stop.node_name], completed_at: null, stuck_since: expect.stringMatching(ISO_TIME) });
    expect(stop).toMatchObject({
      state: 'waiting',
      detail: `Node ${stop.node_name!} does not answer`,
      last_error: expect.stringContaining('does not answer'),
      next_retry_at: expect.stringMatching(ISO_TIME),
    });
    expect(steps(body)).toEqual([
      'remove_route skipped',
      'drain running',
      'stop waiting',
      'confirm pending',
      'release pending',
      'notify pending',
    ]);
    expect(body.steps[0].detail).toBe('1 published ports close with their containers; there are no other routes');
    expect(await statusOf(t, 'ada', id)).toMatchObject({ stuck_since: expect.stringMatching(ISO_TIME) });

    await t.dataSource.query(`DELETE FROM simulated_node_faults`);
    await expectGone(t.dataSource, id);
    const { body: after } = await get(id).expect(200);
    expect(after).toMatchObject({ state: 'done', stuck_since: null, waiting_for_nodes: [] });
    expect(await statusOf(t, 'ada', id)).toMatchObject({ stuck_since: null });
  });

  it('says what is kept, and until when', async () => {
    const id = await deployed(t, 'ada');
    const { body: deleted } = await t.as('ada').delete(`/api/deployment/${id}?keep_warm=10m`).expect(200);
    const { body } = await get(id).expect(200);
    expect(body).toMatchObject({ state: 'held', held_until: deleted.held_until, completed_at: null, stuck_since: null });
    expect(steps(body)).toEqual([
      'remove_route skipped',
      'drain done',
      'stop done',
      'confirm waiting',
      'release waiting',
      'notify pending',
    ]);
    expect(body.steps[3].detail).toBe(`Kept for a restore until ${String(deleted.held_until)}`);
    await t.as('ada').post(`/api/deployment/${id}/restore`).send({}).expect(202);
    await until(async () => (await get(id).expect(200)).body.state === 'restored');
    await t.as('ada').delete(`/api/deployment/${id}?force=true`).expect(200);
    expect((await get(id).expect(200)).body).toMatchObject({ generation: 2, state: 'done', force: true });
    expect((await get(id, '?generation=1').expect(200)).body).toMatchObject({ generation: 1, state: 'restored', purge_at: null });
  });

  it('answers 404 for what was never deleted, in that generation, or is nobody of yours', async () => {
    const id = await deploy(t, 'ada');
    expect((await get(id).expect(404)).body.detail).toBe(`Deployment ${id} has never been deleted`);
    const absent = await get(UNKNOWN_ID).set('X-Request-Id', 'same').expect(404);
    const foreign = await t.as('bob').get(`/api/deployment/${id}/deletion`).set('X-Request-Id', 'same').expect(404);
    expect(foreign.text.replaceAll(id, UNKNOWN_ID)).toBe(absent.text);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    expect((await get(id, '?generation=7').expect(404)).body.detail).toBe(`Deployment ${id} has no deletion of this generation`);
    const deletedForeign = await t.as('bob').get(`/api/deployment/${id}/deletion`).set('X-Request-Id', 'same').expect(404);
    expect(deletedForeign.text).toBe(foreign.text);
    await t.as('root', { admin: true }).get(`/api/deployment/${id}/deletion`).expect(200);
    await get(id, '?generation=0').expect(400);
    await get('no-uuid').expect(404);
  });

  it('has nothing to end of a deployment that ran nowhere', async () => {
    const id = await deployed(t, 'ada');
    await t.as('ada').post(`/api/deployment/${id}/stop`).expect(202);
    await expectGone(t.dataSource, id);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    const { body } = await get(id).expect(200);
    expect(steps(body)).toEqual(['remove_route skipped', 'drain skipped', 'notify done']);
    const events: unknown[] = await t.dataSource.query(
      `SELECT 1 FROM events WHERE deployment_id = $1 AND type = 'fog.deployment.teardown_completed'`,
      [id],
    );
    expect(events).toHaveLength(1);
  });
});
