import { anUnnamedSpec, deployed, freshName, ISO_TIME, recordRows, settles } from '../support/deployments';
import { change, QUICK, rolloutEnds, rolloutOf } from '../support/changes';
import { startTestApp, type TestApp } from '../support/test-app';

const NEVER = { ...QUICK, min_healthy_seconds: 600, progress_deadline_seconds: 3_600 };
const REJECTED = 'simulated/rejected:1';

describe('what is written down of a change', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
    await t.token('root', { admin: true });
  });
  afterAll(() => t?.close());

  const post = (id: string, verb: string, body: object = {}) => t.as('ada').post(`/api/deployment/${id}/${verb}`).send(body);
  const wait = async (id: string): Promise<unknown> =>
    (await t.as('ada').get(`/api/deployment/${id}/wait?for=rolled_out&timeout=60`).expect(200)).body;

  interface Entry {
    readonly action: string;
    readonly actor_id: string;
    readonly outcome: string;
    readonly before: unknown;
    readonly after: unknown;
  }
  /** The audit rows of a deployment that are about changes, oldest first. */
  const audit = async (id: string): Promise<Entry[]> => {
    const { body } = await t.as('root', { admin: true }).get('/api/admin/audit').query({ resource_id: id, limit: '100' }).expect(200);
    return (body as Entry[]).reverse().filter(({ action }) => action !== 'deployment.deploy');
  };
  const events = async (id: string): Promise<string[]> =>
    (
      await t.dataSource.query<{ type: string }[]>(`SELECT type FROM events WHERE deployment_id = $1 AND type ~ '\\.roll' ORDER BY id`, [
        id,
      ])
    ).map(({ type }) => type.replace('fog.deployment.', ''));
  const counted = async (result: string): Promise<number> => {
    const { text } = await t.as('root', { admin: true }).get('/metrics').expect(200);
    return Number(new RegExp(`fog_rollouts_total\\{result="${result}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
  };

  it('counts as healthy those that serve, and not one that fails its check', async () => {
    const wish = { ports: [{ container_port: 8080 }], health_check: { tcp: { port: 8080 }, interval_seconds: 3_600 } };
    const id = await deployed(t, 'ada', { rollout: QUICK, ...wish });
    await change(t, 'ada', id, { container_image: 'nginx:1.28' }).expect(202);
    expect(await rolloutEnds(t, 'ada', id, 'completed')).toMatchObject({ healthy_replicas: 1 });
    await wait(id);
    // What was found is recorded; nobody looks again so soon.
    const found = (healthy: boolean): Promise<unknown> =>
      t.dataSource.query(
        `UPDATE replica_checks SET healthy = $2 WHERE replica_id IN (SELECT id FROM deployment_replicas WHERE deployment_id = $1)`,
        [id, healthy],
      );
    await found(false);
    expect((await rolloutOf(t, 'ada', id)).healthy_replicas).toBe(0);
    await found(true);
    expect((await rolloutOf(t, 'ada', id)).healthy_replicas).toBe(1);
  });

  it('is an audit row of who asked, an event, and a count, for every verb', async () => {
    const actor = await t.userId('ada');
    const before = { aborted: await counted('aborted'), superseded: await counted('superseded'), completed: await counted('completed') };
    const id = await deployed(t, 'ada', { rollout: QUICK });

    await change(t, 'ada', id, { container_image: 'nginx:1.28' }).expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
    await post(id, 'rollback').expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
    await post(id, 'restart').expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
    await change(t, 'ada', id, { container_image: 'nginx:1.29', rollout: NEVER }).expect(202);
    await post(id, 'rollout/pause').expect(200);
    await post(id, 'rollout/resume').expect(200);
    await change(t, 'ada', id, { container_image: 'nginx:1.30' }).expect(202);
    await post(id, 'rollout/abort').expect(202);
    await rolloutEnds(t, 'ada', id, 'rolled_back');

    const about = { actor_id: actor, outcome: 'done' };
    expect(await audit(id)).toMatchObject([
      { ...about, action: 'deployment.change', after: { revision: 2, changed: ['container_image'] } },
      { ...about, action: 'deployment.rollback', before: { revision: 2 }, after: { revision: 3 } },
      { ...about, action: 'deployment.restart', before: { revision: 3 }, after: { revision: 3 } },
      { ...about, action: 'deployment.change', after: { revision: 4 } },
      { ...about, action: 'deployment.pause_rollout', before: { state: 'progressing' }, after: { state: 'paused', revision: 4 } },
      { ...about, action: 'deployment.resume_rollout', before: { state: 'paused' }, after: { state: 'progressing', revision: 4 } },
      { ...about, action: 'deployment.change', after: { revision: 5 } },
      { ...about, action: 'deployment.abort_rollout', before: { state: 'progressing' }, after: { state: 'rolled_back', revision: 5 } },
    ]);
    expect(await events(id)).toEqual([
      ...['rollout_started', 'rolled_out', 'rollout_started', 'rolled_out', 'rollout_started', 'rolled_out'],
      ...['rollout_started', 'rollout_paused', 'rollout_started', 'rollout_started', 'rolled_back'],
    ]);
    expect(await counted('aborted')).toBe(before.aborted + 1);
    expect(await counted('superseded')).toBe(before.superseded + 1);
    expect(await counted('completed')).toBe(before.completed + 3);

    await post(id, 'stop').expect(202);
    await change(t, 'ada', id, { container_image: 'nginx:1.31' }).expect(202);
    expect(await counted('completed')).toBe(before.completed + 4);
  });

  it('is an event and a count, and no audit row, where a rollout goes back or pauses by itself', async () => {
    for (const [on_failure, state, event] of [
      ['rollback', 'rolled_back', 'rolled_back'],
      ['pause', 'paused', 'rollout_paused'],
    ] as const) {
      const before = await counted(state);
      const id = await deployed(t, 'ada', { rollout: { ...QUICK, on_failure } });
      await change(t, 'ada', id, { container_image: REJECTED }).expect(202);
      if (state === 'rolled_back') await rolloutEnds(t, 'ada', id, state);
      else await settles(t, 'ada', id);
      expect(await rolloutOf(t, 'ada', id)).toMatchObject({ state });
      expect(await events(id)).toEqual(['rollout_started', event]);
      expect(await counted(state)).toBe(before + 1);
      expect((await audit(id)).map(({ action }) => action)).toEqual(['deployment.change']);
    }
  });

  it('is an audit row of its own name for a PUT', async () => {
    const path = `/api/deployment/named/${freshName()}`;
    const put = (over: Record<string, unknown>) =>
      t
        .as('ada')
        .put(path)
        .send(anUnnamedSpec({ rollout: QUICK, ...over }))
        .expect(202);
    const { deployment_id: id } = (await put({})).body as { deployment_id: string };
    await put({ container_image: 'nginx:1.28' });
    await settles(t, 'ada', id);
    expect((await audit(id)).map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'deployment.apply done',
      'deployment.apply done',
    ]);
  });

  it('is a revision with all its members', async () => {
    const id = await deployed(t, 'ada', { env: { A: 'x' }, rollout: QUICK });
    await change(t, 'ada', id, { container_image: 'nginx:1.28', command: ['run'] }).expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
    const { body } = await t.as('ada').get(`/api/deployment/${id}/revisions`).expect(200);
    const about = {
      ...{
        image_digest: null,
        env_names: ['A'],
        ports: [],
        volumes: [],
        health_check: null,
        secret_env: {},
        restart: 'always',
        read_only_root: false,
      },
      ...{ resources: { cpu_cores: 0.5, memory_mb: 512, gpu_units: 0, storage_gb: 1 } },
      ...{ created_at: expect.stringMatching(ISO_TIME) as string, created_by: await t.userId('ada') },
    };
    expect(body).toEqual([
      {
        ...{ ...about, revision: 2, state: 'current', container_image: 'nginx:1.28', command: ['run'] },
        reason: 'command, container_image nginx:1.27 → nginx:1.28',
      },
      { ...about, revision: 1, state: 'previous', container_image: 'nginx:1.27', command: null, reason: null },
    ]);
  });

  it('is waited for: a change, and the way back', async () => {
    const id = await deployed(t, 'ada', { rollout: QUICK });
    await change(t, 'ada', id, { container_image: 'nginx:1.28' }).expect(202);
    expect(await wait(id)).toMatchObject({ reached: true, revision: 2, rollout: { state: 'completed' } });
    await post(id, 'rollback').expect(202);
    expect(await wait(id)).toMatchObject({ reached: true, revision: 3, rollout: { state: 'completed' } });
    await change(t, 'ada', id, { container_image: REJECTED }).expect(202);
    expect(await wait(id)).toMatchObject({ reached: false, revision: 3, rollout: { state: 'rolled_back' } });
  });

  it('is nothing of a rollback that is refused', async () => {
    const id = await deployed(t, 'ada', { rollout: NEVER });
    await settles(t, 'ada', id);
    const before = await recordRows(t.dataSource);
    await post(id, 'rollback', { revision: 9 }).expect(404);
    await post(id, 'rollback').expect(409);
    expect(await recordRows(t.dataSource)).toEqual(before);

    await change(t, 'ada', id, { container_image: 'nginx:1.28' }).expect(202);
    const { body } = await post(id, 'rollback').expect(409);
    expect(body).toMatchObject({
      ...{ code: 'conflict', detail: 'A rollout is open, and revision 2 is wanted: abort it, or name the revision to go back to' },
    });
    expect(await rolloutOf(t, 'ada', id)).toMatchObject({ state: 'progressing', revision: 2 });
  });
});
