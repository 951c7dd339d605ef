import { deployed, expectInvariants, statusOf } from '../support/deployments';
import { rollOut, rolloutsOf, watchReplicas } from '../support/rollouts';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface Row {
  readonly current_revision: number;
  readonly current_rollout: number;
  readonly open_rollout: number | null;
  readonly memory_mb: number;
}

describe('a rollout', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0', NODE_SYNC_SECONDS: '1', SIMULATED_DELAY_MS: '50' } });
  });
  afterEach(() => expectInvariants(t.dataSource));
  afterAll(() => t?.close());

  const row = async (id: string): Promise<Row> => {
    const [found] = await t.dataSource.query<Row[]>(
      `SELECT d.current_revision, d.current_rollout, d.open_rollout, r.memory_mb
         FROM deployments AS d JOIN deployment_resources AS r ON r.deployment_id = d.id WHERE d.id = $1`,
      [id],
    );
    return found!;
  };
  const live = (id: string): Promise<{ revision: number; rollout: number; count: number }[]> =>
    t.dataSource.query(
      `SELECT revision, rollout, count(*)::int AS count FROM deployment_replicas
        WHERE deployment_id = $1 AND status IN ('pending', 'starting', 'running') GROUP BY 1, 2 ORDER BY 2`,
      [id],
    );
  const finished = (id: string): Promise<unknown> =>
    until(async () => (await rolloutsOf(t, id)).every((each) => each.finished), { what: 'the rollout to be finished' });
  const settled = (id: string, count: number): Promise<unknown> =>
    until(async () => (await live(id)).reduce((sum, each) => sum + each.count, 0) === count, { what: `${count} live replicas` });
  const resources = { cpuCores: 0.5, memoryMb: 1024, gpuUnits: 0, storageGb: 1 };

  it('replaces every replica without fewer running and with one more at most, and then is current', async () => {
    const id = await deployed(t, 'ada', { replicas: 3 });
    const watch = watchReplicas(t, id);
    const number = await rollOut(t, id, { image: 'nginx:1.28', resources });
    await finished(id);
    await settled(id, 3);
    expect(await watch.end()).toEqual({ fewest: 3, most: 4 });
    expect(await live(id)).toEqual([{ revision: 2, rollout: number, count: 3 }]);
    expect(await row(id)).toEqual({ current_revision: 2, current_rollout: number, open_rollout: null, memory_mb: 1024 });
    expect(await rolloutsOf(t, id)).toMatchObject([{ state: 'completed', reason: null, healthy_replicas: 2 }]);
    const { body: history } = await t.as('ada').get(`/api/deployment/${id}/history`).expect(200);
    expect(history.slice(0, 2)).toMatchObject([
      { old_status: 'running', new_status: 'running', reason: 'Revision 2 rolled out', changed_by: null },
      { old_status: 'running', new_status: 'running', reason: 'Revision 2: for a test' },
    ]);
    const events = await t.dataSource.query(`SELECT type FROM events WHERE deployment_id = $1 AND type LIKE '%roll%' ORDER BY id`, [id]);
    expect(events).toEqual([{ type: 'fog.deployment.rollout_started' }, { type: 'fog.deployment.rolled_out' }]);
    const { text: metrics } = await t.as('root', { admin: true }).get('/metrics').expect(200);
    expect(metrics).toMatch(/fog_rollouts_total\{result="completed"\} 1\n/);
  });

  it('replaces several at a time where the policy lets it', async () => {
    const id = await deployed(t, 'ada', { replicas: 6 });
    const watch = watchReplicas(t, id);
    await rollOut(t, id, { image: 'nginx:1.28' }, { policy: { maxSurge: 3, maxUnavailable: 2 } });
    await finished(id);
    await settled(id, 6);
    const { fewest, most } = await watch.end();
    expect(fewest).toBeGreaterThanOrEqual(4);
    expect(most).toBeLessThanOrEqual(9);
  });

  it('goes back by itself from a revision that cannot start, while the old replicas serve on', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    const watch = watchReplicas(t, id);
    await rollOut(t, id, { image: 'simulated/rejected:1' });
    await finished(id);
    await settled(id, 2);
    expect((await watch.end()).fewest).toBe(2);
    expect(await live(id)).toEqual([{ revision: 1, rollout: 0, count: 2 }]);
    expect(await rolloutsOf(t, id)).toMatchObject([{ state: 'rolled_back', reason: expect.stringContaining('on node') }]);
    expect(await row(id)).toMatchObject({ current_revision: 1, current_rollout: 0, open_rollout: null, memory_mb: 512 });
    const { recent_status_changes: changes, health } = await statusOf(t, 'ada', id);
    expect(changes).toMatchObject([{ reason: expect.stringMatching(/^Revision 2 rolled back to 1: .+, on node /) }, {}, {}, {}, {}]);
    expect(health).toBe('healthy');
  });

  it('goes back from a revision whose replicas crash, after three failures in a row', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    await rollOut(t, id, { image: 'simulated/crash:1' });
    await finished(id);
    expect(await rolloutsOf(t, id)).toMatchObject([{ state: 'rolled_back', reason: expect.stringContaining('failed 3 times in a row') }]);
    const [{ count }] = await t.dataSource.query(
      `SELECT count(*)::int FROM deployment_replicas WHERE deployment_id = $1 AND revision = 2`,
      [id],
    );
    expect(count).toBe(3);
  });

  it('is paused instead where the policy says so, and both revisions run on', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    await rollOut(t, id, { image: 'simulated/rejected:1' }, { policy: { onFailure: 'pause' } });
    await until(async () => (await rolloutsOf(t, id))[0]?.state === 'paused');
    expect(await live(id)).toEqual([{ revision: 1, rollout: 0, count: 2 }]);
    const changes = (await statusOf(t, 'ada', id)).recent_status_changes;
    expect(changes).toMatchObject([{ reason: expect.stringMatching(/^Rollout of revision 2 paused: /) }, {}, {}, {}, {}]);
  });

  it('says what it waits for when there is no room, and goes back at its deadline', async () => {
    const id = await deployed(t, 'ada', { replicas: 1 });
    const gpus = { ...resources, gpuUnits: 64 };
    await rollOut(t, id, { resources: gpus }, { policy: { progressDeadlineSeconds: 6 } });
    await until(async () => (await rolloutsOf(t, id))[0]?.reason?.startsWith('Insufficient nodes for new replicas'));
    await finished(id);
    const why = 'No progress for 6 s: 0 of 1 new replicas are healthy; Insufficient nodes for new replicas';
    expect(await rolloutsOf(t, id)).toMatchObject([{ state: 'rolled_back', reason: expect.stringContaining(why) }]);
    expect(await live(id)).toEqual([{ revision: 1, rollout: 0, count: 1 }]);
  });

  it('keeps what it says of its end when there is no room on the way back', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    await rollOut(
      t,
      id,
      { image: 'simulated/unhealthy:1' },
      { policy: { maxSurge: 0, maxUnavailable: 2, progressDeadlineSeconds: 3_000 } },
    );
    await until(async () => (await live(id)).some(({ revision }) => revision === 2), { what: 'new replicas' });
    await t.dataSource.query(`UPDATE nodes SET cordoned = true`);
    await t.as('ada').post(`/api/deployment/${id}/rollout/abort`).expect(202);
    const work = async (): Promise<string | null> => (await statusOf(t, 'ada', id)).work?.last_error ?? null;
    await until(async () => (await work())?.startsWith('Insufficient nodes'), { what: 'the way back to find no room' });
    expect(await rolloutsOf(t, id)).toMatchObject([{ state: 'rolled_back', reason: 'Aborted by ada', finished: false }]);
    await t.dataSource.query(`UPDATE nodes SET cordoned = false`);
    await finished(id);
    expect(await rolloutsOf(t, id)).toMatchObject([{ state: 'rolled_back', reason: 'Aborted by ada' }]);
  });

  it('forgets that there was no room when its replicas are placed', async () => {
    const id = await deployed(t, 'ada', { replicas: 1 });
    await t.dataSource.query(`UPDATE nodes SET cordoned = true`);
    await rollOut(t, id, { image: 'simulated/unhealthy:1' }, { policy: { progressDeadlineSeconds: 3_000 } });
    await until(async () => (await rolloutsOf(t, id))[0]?.reason?.startsWith('Insufficient nodes for new replicas'));
    await t.dataSource.query(`UPDATE nodes SET cordoned = false`);
    await until(async () => (await live(id)).length === 2, { what: 'a new replica' });
    await until(async () => (await rolloutsOf(t, id))[0]?.reason === null, { what: 'the words to be gone' });
  });

  it('supersedes the one before it, whose replicas serve until others do', async () => {
    const id = await deployed(t, 'ada', { replicas: 3 });
    const watch = watchReplicas(t, id);
    await rollOut(t, id, { image: 'nginx:1.28' });
    await until(async () => ((await rolloutsOf(t, id))[0]?.healthy_replicas ?? 0) > 0);
    await rollOut(t, id, { image: 'nginx:1.29' });
    await finished(id);
    await settled(id, 3);
    expect((await watch.end()).fewest).toBe(3);
    expect(await rolloutsOf(t, id)).toMatchObject([{ state: 'superseded', reason: 'Revision 3 took its place' }, { state: 'completed' }]);
    expect(await live(id)).toEqual([{ revision: 3, rollout: 2, count: 3 }]);
  });

  it('is scaled in the middle: up at once, down as the policy allows', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    await rollOut(t, id, { image: 'simulated/slow:1' });
    const up = await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 4 }).expect(200);
    expect(up.body.message).toBe('Scaled up to 4 replicas (2 added)');
    const down = await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 3 }).expect(200);
    expect(down.body.message).toBe('Scaled down to 3 replicas (1 removed)');
    await finished(id);
    await settled(id, 3);
    expect(await live(id)).toMatchObject([{ revision: 2, count: 3 }]);
  });

  it('ends with a delete, and a restore brings back the revision that was current', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    await rollOut(t, id, { image: 'simulated/slow:1', resources });
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    expect(await rolloutsOf(t, id)).toMatchObject([{ state: 'superseded', reason: 'The deployment was deleted', finished: true }]);
    await t.as('ada').post(`/api/deployment/${id}/restore`).expect(202);
    await until(async () => (await statusOf(t, 'ada', id)).status === 'running');
    expect(await live(id)).toEqual([{ revision: 1, rollout: 0, count: 2 }]);
  });

  it('ends with a stop, and the next start runs what was being rolled out', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    const number = await rollOut(t, id, { image: 'nginx:1.28', resources });
    await t.as('ada').post(`/api/deployment/${id}/stop`).expect(202);
    expect(await row(id)).toEqual({ current_revision: 2, current_rollout: number, open_rollout: null, memory_mb: 1024 });
    await t.as('ada').post(`/api/deployment/${id}/start`).expect(202);
    await until(async () => (await statusOf(t, 'ada', id)).status === 'running');
    expect(await live(id)).toEqual([{ revision: 2, rollout: number, count: 2 }]);
  });

  it('changes at once what does not run', async () => {
    const id = await deployed(t, 'ada', { replicas: 1 });
    await t.as('ada').post(`/api/deployment/${id}/stop`).expect(202);
    const number = await rollOut(t, id, { resources }, { atOnce: 'It was stopped' });
    expect(await row(id)).toEqual({ current_revision: 2, current_rollout: number, open_rollout: null, memory_mb: 1024 });
    expect(await rolloutsOf(t, id)).toMatchObject([{ state: 'completed', reason: 'It was stopped', finished: true }]);
  });

  it('survives that its wishes are lost', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    await rollOut(t, id, { image: 'nginx:1.28' }, { policy: { minHealthySeconds: 1 } });
    await t.dataSource.query(`DELETE FROM jobs WHERE key = $1`, [id]);
    await finished(id);
    await settled(id, 2);
  });
});
