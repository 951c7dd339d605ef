import { checkInvariants } from '../../src/invariants/check-invariants';
import { SimulatedEngine } from '../support/simulated-engine';
import { deployed, expectGone, reaches, settles, statusOf } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface Kept {
  id: string;
  status: string;
  generation: number;
  reason: string;
  container_id: string;
  is_reserved: boolean;
  is_warm: boolean;
  is_suspended: boolean;
  started_at: Date;
}

/** The container of a deployment that is deleted with `keep_warm`, on the simulated runtime. */
describe('a deployment that is deleted and kept warm', () => {
  let t: TestApp;
  let engine: SimulatedEngine;
  beforeAll(async () => {
    t = await startTestApp({ env: { NODE_SYNC_SECONDS: '1', SIMULATED_DELAY_MS: '50' } });
    engine = new SimulatedEngine(t.dataSource);
  });
  afterAll(() => t?.close());

  const replicas = (id: string): Promise<Kept[]> =>
    t.dataSource.query(
      `SELECT r.id, r.status, r.generation, r.reason, r.container_id, r.started_at, v.released_at IS NULL AS is_reserved,
              coalesce(r.warm_until > clock_timestamp(), false) AS is_warm, r.suspended_at IS NOT NULL AS is_suspended
         FROM deployment_replicas AS r JOIN reservations AS v ON v.replica_id = r.id
        WHERE r.deployment_id = $1 ORDER BY r.created_at, r.id`,
      [id],
    );
  const workloads = (id: string): Promise<{ replica_id: string; ended: boolean }[]> =>
    t.dataSource.query(
      `SELECT replica_id, coalesce(exits_at <= clock_timestamp(), false) AS ended FROM simulated_workloads
        WHERE deployment_id = $1 AND (gone_at IS NULL OR gone_at > clock_timestamp()) ORDER BY replica_id`,
      [id],
    );
  const deletion = async (id: string): Promise<{ warm_until: Date; completed_at: Date | null; restored_at: Date | null }> => {
    const [row] = await t.dataSource.query(`SELECT * FROM deletions WHERE deployment_id = $1 ORDER BY generation DESC LIMIT 1`, [id]);
    return row;
  };
  const job = async (id: string): Promise<{ due_at: Date; failing_since: Date | null } | undefined> => {
    const [row] = await t.dataSource.query(`SELECT * FROM jobs WHERE kind = 'deployment.reconcile' AND key = $1`, [id]);
    return row;
  };
  const deletedWarm = async (window: string, over = {}): Promise<string> => {
    const id = await deployed(t, 'ada', { replicas: 2, ...over });
    await settles(t, 'ada', id);
    await t.as('ada').delete(`/api/deployment/${id}?keep_warm=${window}&grace_seconds=0&wait=0`).expect(202);
    await until(async () => (await replicas(id)).every((replica) => replica.is_suspended), { what: 'all to be suspended' });
    return id;
  };

  it('has its containers stopped and kept, with what they reserve, and nobody looks after them before the time is over', async () => {
    const id = await deletedWarm('10m');
    for (const replica of await replicas(id)) expect(replica).toMatchObject({ status: 'stopping', is_reserved: true, is_warm: true });
    expect((await replicas(id))[0]!.reason).toMatch(/^Kept warm until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect((await workloads(id)).map(({ ended }) => ended)).toEqual([true, true]);
    const { warm_until: warmUntil, completed_at: completedAt } = await deletion(id);
    expect(completedAt).toBeNull();
    const waiting = await until(async () => [await job(id)].find((each) => each && each.due_at >= warmUntil), { what: 'the job to wait' });
    expect(waiting.failing_since).toBeNull();
    expect(waiting.due_at.getTime() - warmUntil.getTime()).toBeLessThan(2_000);
    expect(await checkInvariants(t.dataSource, { graceSeconds: 0 })).toEqual([]);
  });

  it('lets go of them when the time is over, and tells that the teardown is complete', async () => {
    const id = await deletedWarm('10s');
    expect(await workloads(id)).toHaveLength(2);
    await expectGone(t.dataSource, id);
    const { warm_until: warmUntil, completed_at: completedAt } = await deletion(id);
    expect(completedAt!.getTime()).toBeGreaterThanOrEqual(warmUntil.getTime());
    expect((await replicas(id)).map(({ status, is_reserved }) => [status, is_reserved])).toEqual([
      ['stopped', false],
      ['stopped', false],
    ]);
    const events: unknown[] = await t.dataSource.query(
      `SELECT 1 FROM events WHERE deployment_id = $1 AND type = 'fog.deployment.teardown_completed'`,
      [id],
    );
    expect(events).toHaveLength(1);
  });

  it('frees at once what somebody removed from the node', async () => {
    const id = await deletedWarm('10m');
    for (const { id: replicaId } of await replicas(id)) await engine.vanish(replicaId);
    await expectGone(t.dataSource, id);
    expect((await deletion(id)).completed_at).not.toBeNull();
  });

  it('is not kept on a node that is being emptied', async () => {
    const id = await deletedWarm('10m');
    const nodeIds = new Set((await statusOf(t, 'ada', id)).replicas.map((replica) => replica.node_id));
    const drain = (nodeId: string, body: object) => t.as('root', { admin: true }).patch(`/api/nodes/${nodeId}`).send(body).expect(200);
    for (const nodeId of nodeIds) await drain(nodeId, { draining: true });
    await expectGone(t.dataSource, id);
    for (const nodeId of nodeIds) await drain(nodeId, { draining: false, cordoned: false });
  });

  it('runs on in the same containers when it is restored in time', async () => {
    const id = await deletedWarm('10m');
    const before = await replicas(id);
    await t.as('ada').post(`/api/deployment/${id}/restore`).send({}).expect(202);
    await reaches(t, 'ada', id, 'running', 'healthy');
    const after = await replicas(id);
    expect(after.map(({ id: replicaId, container_id }) => [replicaId, container_id])).toEqual(
      before.map(({ id: replicaId, container_id }) => [replicaId, container_id]),
    );
    for (const [index, replica] of after.entries()) {
      expect(replica).toMatchObject({ status: 'running', generation: 2, is_reserved: true, is_warm: false, is_suspended: false });
      expect(replica.started_at.getTime()).toBeGreaterThan(before[index]!.started_at.getTime());
    }
    await until(async () => (await deletion(id)).completed_at, { what: 'the deletion to hold nothing any more' });
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  });

  it('gets new containers for those that do not start again', async () => {
    const id = await deletedWarm('10m');
    const [dead] = await replicas(id);
    // A look at the container between the next two lines would record the other run as the one that was suspended.
    const rests = `SELECT 1 FROM jobs WHERE key = $1 AND claim IS NULL AND due_at > clock_timestamp() + interval '1 minute'`;
    await until(async () => (await t.dataSource.query<unknown[]>(rests, [id])).length === 1, { what: 'the job to wait for its time' });
    await t.dataSource.query(`UPDATE simulated_workloads SET started_at = started_at + interval '1 second' WHERE replica_id = $1`, [
      dead!.id,
    ]);
    await t.as('ada').post(`/api/deployment/${id}/restore`).send({}).expect(202);
    await until(async () => {
      const now = await replicas(id);
      const ofDead = now.filter((replica) => replica.id === dead!.id).map(({ status, reason }) => `${status}: ${reason}`);
      expect([ofDead, now.filter(({ status }) => status === 'running').length]).toEqual([[expect.stringMatching(/^failed/)], 2]);
      return true;
    });
    await reaches(t, 'ada', id, 'running', 'healthy');
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  });
});
