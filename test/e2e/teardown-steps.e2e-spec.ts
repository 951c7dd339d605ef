import { SimulatedEngine } from '../support/simulated-engine';
import { deployed, expectGone, settles, statusOf } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface Stopping {
  id: string;
  status: string;
  stop_attempts: number;
  stop_error: string | null;
  stop_retry_at: Date | null;
  now: Date;
}

describe('the teardown of a deletion', () => {
  let t: TestApp;
  let engine: SimulatedEngine;
  beforeAll(async () => {
    t = await startTestApp({ env: { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '60', SIMULATED_DELAY_MS: '50' } });
    engine = new SimulatedEngine(t.dataSource);
  });
  afterAll(() => t?.close());

  const replicas = (id: string): Promise<Stopping[]> =>
    t.dataSource.query(`SELECT *, clock_timestamp() AS now FROM deployment_replicas WHERE deployment_id = $1 ORDER BY created_at, id`, [
      id,
    ]);
  const onOneNode = async (over = {}): Promise<{ id: string; nodeId: string }> => {
    const id = await deployed(t, 'ada', { replicas: 1, ...over });
    await settles(t, 'ada', id);
    return { id, nodeId: (await statusOf(t, 'ada', id)).replicas[0]!.node_id };
  };
  const events = async (id: string): Promise<{ type: string; data: { reasons?: string[] } }[]> =>
    t.dataSource.query(`SELECT type, data FROM events WHERE deployment_id = $1 AND type LIKE '%teardown%' ORDER BY occurred_at`, [id]);
  const metrics = async (): Promise<string> => (await t.as('root', { admin: true }).get('/metrics').expect(200)).text;
  /** How long it took to remove the last replica, by the clock of the database. */
  const seconds = async (id: string): Promise<number> => {
    const [row] = await t.dataSource.query<{ seconds: number }[]>(
      `SELECT extract(epoch FROM completed_at - decided_at)::float8 AS seconds FROM deletions WHERE deployment_id = $1`,
      [id],
    );
    return row!.seconds;
  };

  it('shows on the replicas how often an engine was asked in vain, why, and when it is asked again', async () => {
    const { id, nodeId } = await onOneNode();
    await engine.setUnreachable(nodeId, true);
    await t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202);
    const waiting = await until(
      async () => {
        const [job] = await t.dataSource.query<{ due_at: Date }[]>(`SELECT due_at FROM jobs WHERE key = $1 AND claim IS NULL`, [id]);
        const [replica] = await replicas(id);
        const isTold = job !== undefined && Math.abs(job.due_at.getTime() - (replica?.stop_retry_at?.getTime() ?? 0)) < 500;
        return isTold && replica!.stop_attempts >= 2 ? replica! : null;
      },
      { what: 'two attempts, and when the next one is' },
    );
    expect(waiting).toMatchObject({ status: 'stopping', stop_error: expect.stringMatching(/does not answer/) as string });
    expect(waiting.stop_retry_at!.getTime() - waiting.now.getTime()).toBeLessThan(60_000);

    await until(async () => (await events(id)).length > 0, { what: 'word that it is stuck' });
    expect(await events(id)).toMatchObject([{ type: 'fog.deployment.teardown_stuck', data: { reasons: [waiting.stop_error] } }]);
    await t.dataSource.query(`UPDATE nodes SET last_heartbeat = now() - interval '2 minutes' WHERE id = $1`, [nodeId]);
    const shown = await metrics();
    expect(shown).toMatch(/fog_deletion_events_total\{event="stuck"\} 1/);
    expect(shown).toMatch(/fog_teardown_oldest_step_age_seconds\{step="stop"\} [1-9]/);
    expect(shown).toMatch(/fog_deletions_waiting_for_nodes\{age="under_1m"\} 1/);

    await engine.setUnreachable(nodeId, false);
    await expectGone(t.dataSource, id);
    const [stopped] = await replicas(id);
    expect(stopped).toMatchObject({ status: 'stopped', stop_error: null, stop_retry_at: null });
    expect(stopped!.stop_attempts).toBeGreaterThanOrEqual(5);
    expect((await events(id)).map(({ type }) => type)).toEqual(['fog.deployment.teardown_stuck', 'fog.deployment.teardown_completed']);
  });

  it('gives containers the time that was asked for, and kills at once with force', async () => {
    const stubborn = { container_image: 'simulated/stubborn:1' };
    const [patient, forced] = [await onOneNode(stubborn), await onOneNode(stubborn)];
    await t.as('ada').delete(`/api/deployment/${patient.id}?grace_seconds=2`).expect(200);
    await t.as('ada').delete(`/api/deployment/${forced.id}?force=true`).expect(200);
    expect(await seconds(patient.id)).toBeGreaterThan(1.9);
    expect(await seconds(patient.id)).toBeLessThan(8);
    expect(await seconds(forced.id)).toBeLessThan(1.9);
  });

  it('is measured step by step', async () => {
    const { id } = await onOneNode();
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    const text = await metrics();
    for (const step of ['stop', 'confirm', 'release', 'total'])
      expect(text).toMatch(new RegExp(`fog_teardown_step_seconds_count\\{step="${step}"\\} [1-9]`));
  });

  it('ends old replicas alone: an order that waited for its node does not touch what a restore has started there', async () => {
    const { id, nodeId } = await onOneNode();
    await engine.setUnreachable(nodeId, true);
    await t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202);
    await until(async () => (await replicas(id))[0]!.stop_attempts > 0, { what: 'an order that waits' });
    const others = await t.dataSource.query<{ id: string }[]>(`UPDATE nodes SET cordoned = true WHERE id <> $1 RETURNING id`, [nodeId]);
    expect(others).not.toHaveLength(0);
    await t.as('ada').post(`/api/deployment/${id}/restore`).send({}).expect(202);
    await engine.setUnreachable(nodeId, false);

    const both = await until(
      async () => {
        const all = (await statusOf(t, 'ada', id)).replicas;
        return all.length === 2 && all.some(({ status }) => status === 'stopped') && all.some(({ status }) => status === 'running')
          ? all
          : null;
      },
      { what: 'the old one to be stopped and the new one to run' },
    );
    expect(both.map((replica) => replica.node_id)).toEqual([nodeId, nodeId]);
    await settles(t, 'ada', id);
    const workloads = await t.dataSource.query<{ replica_id: string }[]>(
      `SELECT replica_id FROM simulated_workloads WHERE deployment_id = $1 AND gone_at IS NULL`,
      [id],
    );
    expect(workloads.map(({ replica_id }) => replica_id)).toEqual([both.find(({ status }) => status === 'running')!.id]);
    const [deletion] = await t.dataSource.query<{ completed_at: Date | null }[]>(`SELECT * FROM deletions WHERE deployment_id = $1`, [id]);
    expect(deletion!.completed_at).not.toBeNull();
    await t.dataSource.query(`UPDATE nodes SET cordoned = false`);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  });
});
