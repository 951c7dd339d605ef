import { deploy, deployed, expectGone, expectInvariants, historyOf, ISO_TIME, reaches, statusOf, UNKNOWN_ID } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const scenario = (env: Record<string, string>): { readonly app: () => TestApp } => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env });
  });
  afterEach(() => expectInvariants(t.dataSource));
  afterAll(() => t?.close());
  return { app: () => t };
};

describe('DELETE /api/deployment/{deployment_id}', () => {
  const { app } = scenario({});

  it('answers 200 when all is stopped and released, and leaves one history row', async () => {
    const t = app();
    const id = await deployed(t, 'ada', { replicas: 3 });
    const answer = await t.as('ada').delete(`/api/deployment/${id}`).set('X-Request-Id', 'delete-1').expect(200);
    expect(answer.body).toEqual({
      success: true,
      deployment_id: id,
      status: 'deleted',
      replicas_stopped: 3,
      resources_released: true,
      deleted_at: expect.stringMatching(ISO_TIME),
      purge_at: expect.stringMatching(ISO_TIME),
      message: 'Deployment and 3 replicas deleted successfully',
    });
    const body = await statusOf(t, 'ada', id);
    expect(body).toMatchObject({
      status: 'deleted',
      health: 'unhealthy',
      deleted_at: answer.body.deleted_at,
      updated_at: answer.body.deleted_at,
    });
    expect(body.replicas).toHaveLength(3);
    for (const replica of body.replicas) expect(replica).toMatchObject({ status: 'stopped', stopped_at: expect.stringMatching(ISO_TIME) });
    const { body: history } = await t.as('ada').get(`/api/deployment/${id}/history?include_deleted=true`).expect(200);
    expect(history[0]).toEqual({
      old_status: 'running',
      new_status: 'deleted',
      changed_at: expect.stringMatching(ISO_TIME),
      reason: 'User deletion: stopped 3 replicas, released resources',
      changed_by: await t.userId('ada'),
      request_id: 'delete-1',
    });
    await expectGone(t.dataSource, id);
  });

  it('answers 409 to a second delete, and hides the deployment from its owner unless asked', async () => {
    const t = app();
    const id = await deployed(t, 'ada');
    const { body: deleted } = await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    const again = await t.as('ada').delete(`/api/deployment/${id}`).expect(409);
    expect(again.body).toMatchObject({
      code: 'already_deleted',
      detail: 'Deployment already deleted',
      deployment_id: id,
      deleted_at: deleted.deleted_at,
    });
    expect((await t.as('root', { admin: true }).delete(`/api/deployment/${id}`).expect(409)).body.detail).toBe(
      'Deployment already deleted',
    );
    expect((await t.as('bob').delete(`/api/deployment/${id}`).expect(404)).body.detail).toBe('Deployment not found or access denied');
    for (const path of [`status/${id}`, id, `${id}/history`]) {
      expect((await t.as('ada').get(`/api/deployment/${path}`).expect(404)).body.detail).toBe(
        `Deployment ${id} not found or access denied`,
      );
      await t.as('ada').get(`/api/deployment/${path}?include_deleted=true`).expect(200);
    }
    expect((await historyOf(t, 'ada', id)).filter((row) => row.new_status === 'deleted')).toHaveLength(1);
  });

  it('answers 400 to what is no id, 404 to what is missing, and takes ids in any case', async () => {
    const t = app();
    expect((await t.as('ada').delete('/api/deployment/no-uuid').expect(400)).body).toMatchObject({
      code: 'invalid_deployment_id',
      detail: 'Invalid deployment ID format',
    });
    expect((await t.as('ada').delete(`/api/deployment/${UNKNOWN_ID}`).expect(404)).body.detail).toBe(
      'Deployment not found or access denied',
    );
    const id = await deployed(t, 'ada');
    expect((await t.as('ada').delete(`/api/deployment/${id.toUpperCase()}`).expect(200)).body.deployment_id).toBe(id);
  });

  it('deletes stopped and failed deployments, which have nothing to stop', async () => {
    const t = app();
    const stopped = await deployed(t, 'ada', { replicas: 2 });
    await t.as('ada').post(`/api/deployment/${stopped}/stop`).expect(202);
    await expectGone(t.dataSource, stopped);
    const failed = await deploy(t, 'ada', { container_image: 'simulated/rejected:1' });
    await reaches(t, 'ada', failed, 'failed');
    for (const [id, from] of [
      [stopped, 'stopped'],
      [failed, 'failed'],
    ] as const) {
      const { body } = await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
      expect(body).toMatchObject({
        replicas_stopped: 0,
        resources_released: true,
        message: 'Deployment and 0 replicas deleted successfully',
      });
      expect((await historyOf(t, 'ada', id)).at(-1)).toMatchObject({
        old_status: from,
        new_status: 'deleted',
        reason: 'User deletion: stopped 0 replicas, released resources',
      });
    }
  });

  it('counts only the replicas that it stopped itself, not those that had failed or were scaled away', async () => {
    const t = app();
    const id = await deployed(t, 'ada', { replicas: 3 });
    const [victim] = (await statusOf(t, 'ada', id)).replicas;
    await t.dataSource.query(`UPDATE deployment_replicas SET attempt = 5 WHERE deployment_id = $1`, [id]);
    await t.dataSource.query(`UPDATE simulated_workloads SET gone_at = clock_timestamp() WHERE replica_id = $1`, [victim!.id]);
    await reaches(t, 'ada', id, 'running', 'degraded');
    const { body } = await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    expect(body).toMatchObject({ replicas_stopped: 2, resources_released: true });
    await expectGone(t.dataSource, id);
  });

  it('lets an administrator delete the deployment of another user, and the history says who did', async () => {
    const t = app();
    const id = await deployed(t, 'ada');
    await t.as('root', { admin: true }).delete(`/api/deployment/${id}`).expect(200);
    expect((await historyOf(t, 'ada', id)).at(-1)).toMatchObject({ new_status: 'deleted', changed_by: await t.userId('root') });
  });
});

describe('a delete whose teardown takes longer than its wait', () => {
  const { app } = scenario({ SIMULATED_DELAY_MS: '400' });

  it('answers 202 with what is true so far and finishes by itself', async () => {
    const t = app();
    const id = await deployed(t, 'ada', { replicas: 2 });
    const { body } = await t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202);
    expect(body).toEqual({
      success: true,
      deployment_id: id,
      status: 'deleted',
      replicas_stopped: 0,
      replicas_stopping: 2,
      resources_released: false,
      deleted_at: expect.stringMatching(ISO_TIME),
      purge_at: expect.stringMatching(ISO_TIME),
      message: `Deployment deleted; 2 replicas are still stopping. Use /status/${id}?include_deleted=true to follow.`,
    });
    const held = await t.dataSource.query<unknown[]>(`SELECT 1 FROM reservations WHERE deployment_id = $1 AND released_at IS NULL`, [id]);
    expect(held).toHaveLength(2);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(409);
    await expectGone(t.dataSource, id);
  });

  it('waits for the teardown by default', async () => {
    const t = app();
    const id = await deployed(t, 'ada');
    const { body } = await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    expect(body).toMatchObject({ replicas_stopped: 1, resources_released: true });
  });

  it('stops replicas that are still starting', async () => {
    const t = app();
    const id = await deploy(t, 'ada', { replicas: 2, container_image: 'simulated/slow:1' });
    await until(async () => (await statusOf(t, 'ada', id)).replicas.some((replica) => replica.status === 'starting'));
    const { body } = await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    expect(body).toMatchObject({ replicas_stopped: 2, resources_released: true });
    await expectGone(t.dataSource, id);
  });

  it('decides at once while the node is away, says what is stopping, and finishes when it returns', async () => {
    const t = app();
    const id = await deployed(t, 'ada');
    const [replica] = (await statusOf(t, 'ada', id)).replicas;
    await t.dataSource.query(`INSERT INTO simulated_node_faults (node_id) VALUES ($1)`, [replica!.node_id]);
    const { body } = await t.as('ada').delete(`/api/deployment/${id}?wait=1`).expect(202);
    expect(body).toMatchObject({ replicas_stopped: 0, replicas_stopping: 1, resources_released: false });
    const stuck = await until(async () => {
      const status = await t.as('ada').get(`/api/deployment/status/${id}?include_deleted=true`);
      return status.body.work?.last_error ? status.body : null;
    });
    expect(stuck.replicas[0]).toMatchObject({ status: 'stopping' });
    expect(stuck.work).toMatchObject({
      last_error: expect.stringContaining('does not answer'),
      stuck_since: expect.stringMatching(ISO_TIME),
    });
    await t.dataSource.query(`DELETE FROM simulated_node_faults WHERE node_id = $1`, [replica!.node_id]);
    await expectGone(t.dataSource, id);
  });
});
