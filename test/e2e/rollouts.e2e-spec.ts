import { deployed, expectInvariants, historyOf, settles, statusOf, UNKNOWN_ID } from '../support/deployments';
import { change, liveRevisions, QUICK, rolloutEnds, rolloutOf } from '../support/changes';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('a change of a running deployment', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());
  afterEach(() => expectInvariants(t.dataSource));

  const post = (id: string, verb: string, body?: object) => {
    const asked = t.as('ada').post(`/api/deployment/${id}/${verb}`);
    return body === undefined ? asked : asked.send(body);
  };
  const reasons = async (id: string): Promise<string[]> => (await historyOf(t, 'ada', id)).map(({ reason }) => reason);
  const states = async (id: string): Promise<[number, string][]> =>
    ((await t.as('ada').get(`/api/deployment/${id}/revisions`).expect(200)).body as { revision: number; state: string }[]).map(
      ({ revision, state }) => [revision, state],
    );
  /** In the middle of a rollout that never ends by itself. */
  const halfWay = async (over: object = {}): Promise<string> => {
    const id = await deployed(t, 'ada', { replicas: 2, rollout: { ...QUICK, progress_deadline_seconds: 3_000 }, ...over });
    await change(t, 'ada', id, { container_image: 'simulated/unhealthy:2' }).expect(202);
    return id;
  };

  it('rolls a new revision out, replaces every replica, and tells it', async () => {
    const id = await deployed(t, 'ada', { replicas: 3, env: { A: '1', B: '2' }, rollout: QUICK });
    const { body } = await change(t, 'ada', id, { container_image: 'nginx:1.28', env: { A: null, C: 'x' } }).expect(202);
    expect(body).toMatchObject({
      ...{ success: true, deployment_id: id, status: 'running', revision: 2, result: 'rolling_out', message: 'Rolling out revision 2' },
      rollout: {
        ...{ revision: 2, from_revision: 1, state: 'progressing', target_replicas: 3, finished_at: null, reason: null },
        ...{ updated_replicas: 0, healthy_replicas: 0, old_replicas: 3 },
      },
    });
    const { rollout } = body as { rollout: { started_at: string } };
    expect((await rolloutOf(t, 'ada', id)).started_at).toBe(rollout.started_at);
    await rolloutEnds(t, 'ada', id, 'completed');
    await settles(t, 'ada', id);
    expect(await liveRevisions(t, 'ada', id)).toEqual([2, 2, 2]);
    const detail = (await t.as('ada').get(`/api/deployment/${id}`).expect(200)).body as Record<string, unknown>;
    expect(detail).toMatchObject({ status: 'running', revision: 2, container_image: 'nginx:1.28', env_names: ['B', 'C'] });
    expect(await reasons(id)).toEqual(
      expect.arrayContaining(['Revision 2: container_image nginx:1.27 → nginx:1.28, env.A, env.C', 'Revision 2 rolled out']),
    );
    expect(await states(id)).toEqual([
      [2, 'current'],
      [1, 'previous'],
    ]);
  });

  it('takes a health check of another kind in the place of the one before, and of two kinds none', async () => {
    const check = { command: ['/bin/true'], interval_seconds: 7 };
    const id = await deployed(t, 'ada', { ports: [{ container_port: 80 }], health_check: check, rollout: QUICK });
    await change(t, 'ada', id, { health_check: { tcp: { port: 80 } } }).expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
    const { body } = await t.as('ada').get(`/api/deployment/${id}`).expect(200);
    expect(body.health_check).toMatchObject({ tcp: { port: 80 }, interval_seconds: 7 });
    expect(body.health_check).not.toHaveProperty('command');
    const both = { health_check: { tcp: { port: 80 }, http: { port: 80 } } };
    expect((await change(t, 'ada', id, both).expect(422)).body.errors).toMatchObject([{ pointer: '/health_check' }]);
  });

  it('makes no revision of what is beside it, and nothing of what is so already', async () => {
    const id = await deployed(t, 'ada', { labels: { a: '1', b: '2' }, command: ['sleep', '1'] });
    const same = { container_image: 'nginx:1.27', resources: { gpu: null }, ports: null, labels: { a: '1' }, replicas: 1 };
    expect((await change(t, 'ada', id, same).expect(200)).body).toMatchObject({
      result: 'unchanged',
      revision: 1,
      message: 'Nothing to change',
    });
    const beside = { labels: { a: null, c: '3' }, rollout: { max_surge: 2 }, protected: true, replicas: 2, region: 'eu-west' };
    expect((await change(t, 'ada', id, beside).expect(200)).body).toMatchObject({
      ...{ result: 'updated', revision: 1, rollout: null, message: 'Updated without a new revision' },
    });
    const { body } = await t.as('ada').get(`/api/deployment/${id}`).expect(200);
    expect(body).toMatchObject({ labels: { b: '2', c: '3' }, protected: true, target_replicas: 2, region: 'eu-west', rollout: null });
    expect((body as { spec: { rollout: object } }).spec.rollout).toMatchObject({ max_surge: 2, max_unavailable: 0 });
    expect(await reasons(id)).toContain('Scaled up from 1 to 2 replicas (1 added)');
    await change(t, 'ada', id, { protected: false, rollout: null, command: null }).expect(202);
    const after = (await t.as('ada').get(`/api/deployment/${id}`).expect(200)).body as { protected: boolean; spec: { rollout: object } };
    expect(after).toMatchObject({ protected: false, spec: { rollout: { max_surge: 1 } } });
  });

  it.each([
    [{ name: 'other' }, '/name'],
    [{ type: 'storage' }, '/type'],
    [{ nonsense: null }, '/nonsense'],
    [{ container_image: null }, '/container_image'],
    [{ resources: { cpu: 'x' } }, '/resources/cpu'],
    [{ resources: { memory: 1 } }, '/resources/memory'],
    [{ rollout: { max_surge: 0 } }, '/rollout/max_surge'],
    [{ rollout: { progress_deadline_seconds: 5 } }, '/rollout/progress_deadline_seconds'],
    [{ env: { 'A B': 'x' } }, '/env'],
    [{ replicas: 0 }, '/replicas'],
    [[], ''],
  ])('refuses %j and changes nothing', async (patch, pointer) => {
    const id = await deployed(t, 'ada');
    const before = await settles(t, 'ada', id);
    const { body } = await change(t, 'ada', id, patch).expect(422);
    expect(body).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
    expect(await statusOf(t, 'ada', id)).toMatchObject({ updated_at: before.updated_at, revision: 1 });
  });

  it('takes merge patches by their media type, here and nowhere else', async () => {
    const id = await deployed(t, 'ada', { rollout: QUICK });
    const sent = (method: 'patch' | 'post', path: string, type: string) => {
      const asked = t.as('ada')[method](path);
      return asked.set('Content-Type', type).send(JSON.stringify({ labels: { a: 'b' } }));
    };
    await sent('patch', `/api/deployment/${id}`, 'application/merge-patch+json').expect(200);
    await sent('patch', `/api/deployment/${id}`, 'application/json-patch+json').expect(415);
    await sent('post', '/api/deployment/deploy', 'application/merge-patch+json').expect(415);
  });

  it('goes back by itself when the new replicas cannot start', async () => {
    const id = await deployed(t, 'ada', { replicas: 2, rollout: QUICK });
    await change(t, 'ada', id, { container_image: 'simulated/rejected:1' }).expect(202);
    const { reason } = await rolloutEnds(t, 'ada', id, 'rolled_back');
    expect(reason).not.toBeNull();
    expect(await liveRevisions(t, 'ada', id)).toEqual([1, 1]);
    expect(await states(id)).toEqual([
      [2, 'failed'],
      [1, 'current'],
    ]);
    expect((await reasons(id)).some((words) => words.startsWith('Revision 2 rolled back to 1: '))).toBe(true);
  });

  it('is paused, resumed and aborted, and then comes back to what was', async () => {
    const id = await halfWay();
    expect((await post(id, 'rollout/resume').expect(409)).body).toMatchObject({ code: 'conflict', detail: 'The rollout is not paused' });
    expect((await post(id, 'rollout/pause').expect(200)).body).toMatchObject({ rollout: { state: 'paused', reason: 'Paused by ada' } });
    await post(id, 'rollout/pause').expect(409);
    expect((await post(id, 'rollout/resume').expect(200)).body).toMatchObject({ rollout: { state: 'progressing', reason: null } });
    expect((await post(id, 'rollout/abort').expect(202)).body).toMatchObject({ revision: 1, rollout: { reason: 'Aborted by ada' } });
    await rolloutEnds(t, 'ada', id, 'rolled_back');
    expect((await post(id, 'rollout/abort').expect(409)).body).toMatchObject({ detail: 'No rollout is open' });
    expect(await liveRevisions(t, 'ada', id)).toEqual([1, 1]);
    expect(await reasons(id)).toContain('Revision 2 rolled back to 1: aborted by user');
  });

  it('supersedes a rollout that is open, and begins with what that one wanted', async () => {
    const id = await halfWay();
    const { body } = await change(t, 'ada', id, { env: { NEW: 'x' }, container_image: 'nginx:1.28' }).expect(202);
    expect(body).toMatchObject({ revision: 3, rollout: { revision: 3, from_revision: 1 } });
    await rolloutEnds(t, 'ada', id, 'completed');
    expect((await t.as('ada').get(`/api/deployment/${id}`)).body).toMatchObject({ env_names: ['NEW'], container_image: 'nginx:1.28' });
    expect(await states(id)).toEqual([
      [3, 'current'],
      [2, 'failed'],
      [1, 'previous'],
    ]);
  });

  it('restarts with new replicas of the same revision, only while it runs', async () => {
    const id = await deployed(t, 'ada', { replicas: 2, rollout: QUICK });
    const before = (await statusOf(t, 'ada', id)).replicas.map((replica) => replica.id);
    expect((await post(id, 'restart').expect(202)).body).toMatchObject({ revision: 1, rollout: { revision: 1, from_revision: 1 } });
    await rolloutEnds(t, 'ada', id, 'completed');
    const running = (await settles(t, 'ada', id)).replicas.filter(({ status }) => status === 'running').map((replica) => replica.id);
    expect(running).toHaveLength(2);
    expect(running.some((replica) => before.includes(replica))).toBe(false);
    expect(await reasons(id)).toContain('Revision 1: restarted by user');
    await post(id, 'stop').expect(202);
    expect((await post(id, 'restart').expect(409)).body).toMatchObject({ detail: 'Cannot restart deployment in stopped state' });
  });

  it('rolls back to the newest that was current, or to the one that is named', async () => {
    const id = await deployed(t, 'ada', { rollout: QUICK });
    expect((await post(id, 'rollback').expect(409)).body).toMatchObject({ detail: 'There is no previous revision to go back to' });
    for (const tag of ['1.28', '1.29']) {
      await change(t, 'ada', id, { container_image: `nginx:${tag}` }).expect(202);
      await rolloutEnds(t, 'ada', id, 'completed');
    }
    expect((await post(id, 'rollback', { revision: 3 }).expect(409)).body).toMatchObject({
      detail: 'Revision 3 is the current one already',
    });
    expect((await post(id, 'rollback', { revision: 9 }).expect(404)).body).toMatchObject({ detail: 'The deployment has no revision 9' });
    await post(id, 'rollback', { revision: 0 }).expect(422);
    expect((await post(id, 'rollback').expect(202)).body).toMatchObject({ revision: 4 });
    await rolloutEnds(t, 'ada', id, 'completed');
    expect((await t.as('ada').get(`/api/deployment/${id}`)).body).toMatchObject({ container_image: 'nginx:1.28' });
    expect((await post(id, 'rollback', { revision: 1 }).expect(202)).body).toMatchObject({ revision: 5 });
    await rolloutEnds(t, 'ada', id, 'completed');
    expect((await t.as('ada').get(`/api/deployment/${id}`)).body).toMatchObject({ container_image: 'nginx:1.27' });
  });

  it('keeps the last 20 revisions, and weighs what is kept', async () => {
    const id = await deployed(t, 'ada');
    await post(id, 'stop').expect(202);
    for (let tag = 2; tag <= 22; tag++) await change(t, 'ada', id, { container_image: `nginx:${tag}` }).expect(202);
    const page = await t.as('ada').get(`/api/deployment/${id}/revisions?limit=2`).expect(200);
    expect(page.headers).toMatchObject({ 'x-total-count': '20', link: expect.stringContaining('rel="next"') as string });
    expect((page.body as { revision: number }[]).map(({ revision }) => revision)).toEqual([22, 21]);
    expect((await post(id, 'rollback', { revision: 2 }).expect(409)).body).toMatchObject({
      detail: 'Revision 2 is forgotten; only the last 20 are kept',
    });
    const [weight] = await t.dataSource.query<{ fits: boolean }[]>(
      `SELECT d.stored_bytes = octet_length(d.labels::text) + (SELECT sum(octet_length(spec::text) + coalesce(octet_length(env_sealed), 0)) FROM deployment_revisions
                WHERE deployment_id = d.id AND spec <> '{}') AS fits FROM deployments AS d WHERE d.id = $1`,
      [id],
    );
    expect(weight).toEqual({ fits: true });
  });

  it('keeps the one to go back to, however many were never rolled out after it', async () => {
    const id = await deployed(t, 'ada', { rollout: QUICK });
    await change(t, 'ada', id, { container_image: 'nginx:1.28' }).expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
    const never = { ...QUICK, min_healthy_seconds: 600, progress_deadline_seconds: 3_600 };
    for (let tag = 3; tag <= 24; tag++) await change(t, 'ada', id, { container_image: `nginx:${tag}`, rollout: never }).expect(202);
    await post(id, 'rollout/abort').expect(202);
    await rolloutEnds(t, 'ada', id, 'rolled_back');
    await change(t, 'ada', id, { rollout: QUICK }).expect(200);
    await post(id, 'rollback').expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
    expect((await t.as('ada').get(`/api/deployment/${id}`)).body).toMatchObject({ container_image: 'nginx:1.27' });
  });

  it('makes the new revision the current one at once where nothing runs, and starts nothing', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    await post(id, 'stop').expect(202);
    const { body } = await change(t, 'ada', id, { container_image: 'nginx:1.28' }).expect(202);
    const message = 'Revision 2 runs as soon as the deployment is started';
    expect(body).toMatchObject({ status: 'stopped', revision: 2, message, rollout: { state: 'completed' } });
    await post(id, 'start').expect(202);
    await until(async () => (await liveRevisions(t, 'ada', id)).join() === '2,2', { what: 'replicas of revision 2' });
  });

  it('says how it would go, without values of the environment, and writes nothing', async () => {
    const id = await deployed(t, 'ada', { env: { A: 'secret-a' } });
    const before = await settles(t, 'ada', id);
    const patch = { container_image: 'nginx:1.28', env: { A: 'secret-b' }, labels: { x: 'y' } };
    const preview = await t.as('ada').post(`/api/deployment/${id}/preview`).send(patch).expect(200);
    expect(preview.body).toMatchObject({
      ...{ dry_run: true, result: 'rolling_out', new_revision: true, schedulable: true },
      changes: [
        { field: 'container_image', from: 'nginx:1.27', to: 'nginx:1.28' },
        { field: 'env.A', from: '(hidden)', to: '(hidden)' },
        { field: 'labels.x', from: null, to: 'y' },
      ],
    });
    expect(preview.text).not.toContain('secret');
    const { body: again } = await t.as('ada').patch(`/api/deployment/${id}?dry_run=true`).send(patch).expect(200);
    // What is left of the nodes changes with the other deployments of this file.
    expect({ ...again, placement: null }).toEqual({ ...preview.body, placement: null });
    expect(again.placement).toMatchObject({ placed: preview.body.placement.placed, nodes_total: preview.body.placement.nodes_total });
    expect(await statusOf(t, 'ada', id)).toMatchObject({ updated_at: before.updated_at, revision: 1 });
  });

  it('obeys If-Match and an idempotency key', async () => {
    const id = await deployed(t, 'ada', { rollout: QUICK });
    await change(t, 'ada', id, { labels: { a: 'b' } })
      .set('If-Match', '"0"')
      .expect(412);
    const once = () => change(t, 'ada', id, { container_image: 'nginx:1.28' }).set('Idempotency-Key', `key-${id}`);
    const first = await once().expect(202);
    const second = await once().expect(202);
    expect(second.body).toEqual(first.body);
    expect(second.headers['idempotency-replayed']).toBe('true');
    await rolloutEnds(t, 'ada', id, 'completed');
  });

  it('of two changes at once both hold', async () => {
    const id = await deployed(t, 'ada', { rollout: QUICK });
    const answers = await Promise.all(['A', 'B', 'C'].map((name) => change(t, 'ada', id, { env: { [name]: 'x' } })));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    await rolloutEnds(t, 'ada', id, 'completed');
    expect((await t.as('ada').get(`/api/deployment/${id}`)).body).toMatchObject({ revision: 4, env_names: ['A', 'B', 'C'] });
  });

  it('that is deleted half way comes back with the revision that was current', async () => {
    const id = await halfWay();
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    expect(await rolloutOf(t, 'ada', id)).toMatchObject({ state: 'superseded' });
    await post(id, 'restore').expect(202);
    await until(async () => (await liveRevisions(t, 'ada', id)).join() === '1,1', { what: 'replicas of revision 1' });
  });

  it('is for the owner only, in the same words whether or not it is there', async () => {
    const id = await deployed(t, 'ada');
    const asked: [method: 'get' | 'post' | 'patch', path: string, body?: object][] = [
      ['patch', '', { labels: {} }],
      ['post', '/preview', { labels: {} }],
      ['get', '/rollout'],
      ['post', '/rollout/pause'],
      ['post', '/rollout/resume'],
      ['post', '/rollout/abort'],
      ['post', '/restart'],
      ['get', '/revisions'],
      ['post', '/rollback'],
    ];
    for (const [method, path, body] of asked) {
      const words = async (target: string): Promise<string> => {
        const call = t.as('bob')[method](`/api/deployment/${target}${path}`);
        const { status, body: problem } = await (body ? call.send(body) : call);
        return `${status} ${(problem as { detail: string }).detail.replace(target, 'X')}`;
      };
      expect([path, await words(id)]).toEqual([path, '404 Deployment X not found or access denied']);
      expect(await words(UNKNOWN_ID)).toBe(await words(id));
    }
    expect((await t.as('ada').get(`/api/deployment/${id}/rollout`).expect(404)).body).toMatchObject({ code: 'no_rollout' });
  });
});
