import { deployed, expectGone, expectInvariants, settles, statusOf, UNKNOWN_ID } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('what an unreachable node holds', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '4' } });
    await t.token('root', { admin: true });
  });
  afterEach(async () => {
    await t.dataSource.query(`DELETE FROM simulated_node_faults`);
    await expectInvariants(t.dataSource);
  });
  afterAll(() => t?.close());

  const root = () => t.as('root', { admin: true });
  const release = (id: string, body: object = { reason: 'The rack burned down' }) =>
    root().post(`/api/deployment/${id}/force-release`).send(body);
  /** A deployment on one node whose engine does not answer, which is known already. */
  const onALostNode = async (): Promise<{ id: string; nodeId: string; replicaId: string }> => {
    const id = await deployed(t, 'ada');
    await settles(t, 'ada', id);
    const [replica] = (await statusOf(t, 'ada', id)).replicas;
    await t.dataSource.query(`INSERT INTO simulated_node_faults (node_id) VALUES ($1)`, [replica!.node_id]);
    await until(async () => (await t.as('ada').get(`/api/nodes/${replica!.node_id}`).expect(200)).body.status === 'offline');
    return { id, nodeId: replica!.node_id, replicaId: replica!.id };
  };
  const reservedOn = async (nodeId: string): Promise<number> =>
    (await t.as('ada').get(`/api/nodes/${nodeId}`).expect(200)).body.reserved.cpu_cores as number;
  const actions = async (id: string): Promise<{ action: string; after: Record<string, unknown> }[]> =>
    t.dataSource.query(
      `SELECT action, after FROM audit_log WHERE resource_id = $1 AND outcome = 'done' AND action ~ 'delete|force' ORDER BY id`,
      [id],
    );
  const eventTypes = async (id: string): Promise<string[]> =>
    (await t.dataSource.query<{ type: string }[]>(`SELECT type FROM events WHERE deployment_id = $1 ORDER BY id`, [id])).map(
      ({ type }) => type,
    );

  it('is given up by an administrator: capacity is free at once, and the container goes when the node returns', async () => {
    const { id, nodeId, replicaId } = await onALostNode();
    await t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202);
    expect(await reservedOn(nodeId)).toBeGreaterThan(0);
    const { body } = await release(id).expect(200);
    const { node_name } = body.replicas[0];
    expect(body).toEqual({
      success: true,
      deployment_id: id,
      replicas: [{ id: replicaId, node_id: nodeId, node_name }],
      resources_released: true,
      message: 'Gave up 1 replicas on nodes that do not answer',
    });
    expect(await reservedOn(nodeId)).toBe(0);
    expect((await statusOf(t, 'ada', id)).replicas[0]).toMatchObject({
      status: 'failed',
      stopped_at: null,
      reason: 'Given up by an administrator: The rack burned down',
    });
    const { body: ledger } = await t.as('ada').get(`/api/deployment/${id}/deletion`).expect(200);
    expect(ledger).toMatchObject({ state: 'done', waiting_for_nodes: [], stuck_since: null });
    expect(ledger.steps.map(({ step, state }: { step: string; state: string }) => `${step} ${state}`)).toEqual(
      expect.arrayContaining(['stop given_up', 'confirm given_up', 'release done', 'notify done']),
    );
    expect(await actions(id)).toEqual([
      expect.objectContaining({ action: 'deployment.delete' }),
      { action: 'deployment.force_release', after: { reason: 'The rack burned down', node_ids: [nodeId], replicas: 1 } },
    ]);
    expect(await eventTypes(id)).toEqual(expect.arrayContaining(['fog.deployment.force_released', 'fog.deployment.teardown_completed']));
    expect((await release(id).expect(409)).body.code).toBe('conflict');

    await t.dataSource.query(`DELETE FROM simulated_node_faults`);
    await expectGone(t.dataSource, id);
    await until(async () => (await statusOf(t, 'ada', id)).work === null);
  });

  it('is given up with a forced delete by an administrator, but not by the owner', async () => {
    const { id, nodeId } = await onALostNode();
    const other = await onALostNode();
    const { body: owners } = await t.as('ada').delete(`/api/deployment/${id}?force=true&wait=0`).expect(202);
    expect(owners).toMatchObject({ replicas_stopping: 1, resources_released: false });
    expect((await actions(id)).map(({ action }) => action)).toEqual(['deployment.delete']);
    const { body: forced } = await root().delete(`/api/deployment/${other.id}?force=true`).expect(200);
    expect(forced).toMatchObject({ replicas_stopped: 0, resources_released: true });
    expect((await statusOf(t, 'ada', other.id)).replicas[0]).toMatchObject({
      status: 'failed',
      reason: 'Given up by a forced deletion: its node did not answer',
    });
    expect((await actions(other.id)).map(({ action, after }) => [action, after.replicas_stopping ?? after.node_ids])).toEqual([
      ['deployment.delete', 0],
      ['deployment.force_release', [other.nodeId]],
    ]);
    expect((await eventTypes(other.id)).filter((type) => type === 'fog.deployment.teardown_completed')).toHaveLength(1);
    await release(id, { reason: 'gone', node_id: UNKNOWN_ID }).expect(409);
    await release(id, { reason: 'gone', node_id: nodeId.toUpperCase() }).expect(200);
  });

  it('is not given up while the node answers and only takes its time', async () => {
    const id = await deployed(t, 'ada', { container_image: 'simulated/stubborn:1' });
    const [replica] = (await statusOf(t, 'ada', id)).replicas;
    await t.as('ada').delete(`/api/deployment/${id}?wait=0&grace_seconds=5`).expect(202);
    expect((await release(id).expect(409)).body.code).toBe('conflict');
    await release(id, { reason: 'slow', node_id: replica!.node_id }).expect(409);
    expect((await statusOf(t, 'ada', id)).replicas).toMatchObject([{ id: replica!.id, status: 'stopping' }]);
    await expectGone(t.dataSource, id);
    expect((await statusOf(t, 'ada', id)).replicas).toMatchObject([{ status: 'stopped' }]);
  });

  it('is not given up while the node answers, by strangers, or without a reason', async () => {
    const id = await deployed(t, 'ada');
    const held = async (): Promise<string[]> => (await statusOf(t, 'ada', id)).replicas.map((replica) => replica.id).sort();
    const before = await held();
    expect((await release(id).expect(409)).body).toMatchObject({
      code: 'conflict',
      detail: 'No node that does not answer has a replica of this deployment to stop or to remove',
    });
    expect((await t.as('ada').post(`/api/deployment/${id}/force-release`).send({ reason: 'mine' }).expect(403)).body.code).toBe(
      'admin_required',
    );
    await release(UNKNOWN_ID).expect(404);
    await release('no-uuid').expect(404);
    for (const body of [{}, { reason: '' }, { reason: 'x', node_id: 'n' }, { reason: 'x', all: true }]) await release(id, body).expect(422);
    expect((await statusOf(t, 'ada', id)).status).toBe('running');
    await until(async () => (await statusOf(t, 'ada', id)).health === 'healthy', { what: 'the node is asked in time again' });
    expect(await held()).toEqual(before);
  });
});
