import { deploy, deployed, expectGone, expectInvariants, ISO_TIME, statusOf } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('the options of a delete', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { SIMULATED_DELAY_MS: '100' } });
  });
  afterEach(() => expectInvariants(t.dataSource));
  afterAll(() => t?.close());

  const remove = (id: string, query = '') => t.as('ada').delete(`/api/deployment/${id}${query}`);
  const deletion = async (id: string): Promise<Record<string, unknown>> =>
    (await t.dataSource.query<Record<string, unknown>[]>(`SELECT * FROM deletions WHERE deployment_id = $1`, [id]))[0]!;

  it.each([
    ['grace_seconds=-1', 'grace_seconds', 'grace_seconds must be an integer from 0 to 300'],
    ['grace_seconds=301', 'grace_seconds', 'grace_seconds must be an integer from 0 to 300'],
    ['grace_seconds=1.5', 'grace_seconds', 'grace_seconds must be an integer from 0 to 300'],
    ['force=yes', 'force', 'force must be true or false'],
    ['keep_warm=10', 'keep_warm', 'keep_warm must be a time from 1s to 24h, such as 600s, 10m or 1h'],
    ['keep_warm=25h', 'keep_warm', 'keep_warm must be a time from 1s to 24h, such as 600s, 10m or 1h'],
    ['keep_warm=0s', 'keep_warm', 'keep_warm must be a time from 1s to 24h, such as 600s, 10m or 1h'],
    ['keep_warm=10m&force=true', 'keep_warm', 'keep_warm does not go together with force'],
    ['grace_seconds=5&force=true', 'grace_seconds', 'grace_seconds must be 0 or absent with force: it kills at once'],
    ['wait=61', 'wait', 'wait must be an integer from 0 to 60'],
    ['kill=true', 'kill', 'kill is not a known field'],
  ])('refuses %s in words and deletes nothing', async (query, pointer, detail) => {
    const id = await deploy(t, 'ada');
    const { body } = await remove(id, `?${query}`).expect(400);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer, detail }] });
    expect((await statusOf(t, 'ada', id)).status).not.toBe('deleted');
    await remove(id).expect(200);
  });

  it('hastens a teardown with a long grace time by a second delete with force, once and for nobody else', async () => {
    const id = await deployed(t, 'ada', { container_image: 'simulated/stubborn:1', replicas: 2 });
    const first = (await remove(id, '?grace_seconds=300&wait=0').expect(202)).body;
    await remove(id, '?wait=0').expect(409);
    await t.as('eve').delete(`/api/deployment/${id}?force=true`).expect(404);
    await remove(id, '?force=true').set('If-Match', '"0"').expect(412);
    const answers = await Promise.all([1, 2, 3].map(() => remove(id, '?force=true&wait=30')));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409]);
    const { body } = answers.find(({ status }) => status === 200)!;
    expect(body).toMatchObject({ status: 'deleted', replicas_stopped: 2, resources_released: true, deleted_at: first.deleted_at });
    expect(await deletion(id)).toMatchObject({ generation: 1, grace_seconds: 0, force: true });
    const audited = await t.dataSource.query<{ before: unknown; after: unknown }[]>(
      `SELECT before, after FROM audit_log WHERE resource_id = $1 AND action = 'deployment.delete' AND outcome = 'done' ORDER BY id`,
      [id],
    );
    expect(audited).toHaveLength(2);
    expect(audited[1]).toMatchObject({ before: { grace_seconds: 300, force: false }, after: { grace_seconds: 0, force: true } });
    await remove(id, '?force=true').expect(409);
  });

  it('ends what is kept warm by a second delete with force', async () => {
    const id = await deployed(t, 'ada');
    await remove(id, '?keep_warm=1h').expect(200);
    const { body } = await remove(id, '?force=true&wait=30').expect(200);
    expect(body).toMatchObject({ replicas_stopped: 1, resources_released: true });
    expect(await deletion(id)).toMatchObject({ force: true, warm_until: null });
  });

  it('keeps what was asked with the deletion', async () => {
    const id = await deployed(t, 'ada');
    const { body } = await remove(id, '?grace_seconds=42').set('X-Request-Id', 'with-grace').expect(200);
    expect(await deletion(id)).toMatchObject({
      generation: 1,
      requested_by: await t.userId('ada'),
      request_id: 'with-grace',
      operation_id: null,
      grace_seconds: 42,
      force: false,
      warm_until: null,
      retention_policy: '30 days, the default',
      decided_at: new Date(body.deleted_at),
      completed_at: expect.any(Date),
      restored_at: null,
    });
    const forced = await deployed(t, 'ada');
    await remove(forced, '?force=true').expect(200);
    expect(await deletion(forced)).toMatchObject({ grace_seconds: 0, force: true });
    const plain = await deployed(t, 'ada');
    await remove(plain).expect(200);
    expect(await deletion(plain)).toMatchObject({ grace_seconds: 10, force: false });
  });

  it('freezes purge_at and shows it wherever a deleted deployment is shown', async () => {
    const id = await deployed(t, 'ada');
    expect(await statusOf(t, 'ada', id)).toMatchObject({ purge_at: null });
    const { body } = await remove(id).expect(200);
    expect(new Date(body.purge_at).getTime() - new Date(body.deleted_at).getTime()).toBe(30 * 86_400_000);
    await t.dataSource.query(
      `INSERT INTO retention_policies (selector, value, days, changed_by) SELECT 'type', 'compute', 1, id FROM users LIMIT 1`,
    );
    expect(await statusOf(t, 'ada', id)).toMatchObject({ purge_at: body.purge_at });
    await t.dataSource.query(`DELETE FROM retention_policies`);
  });

  it('answers 200 to keep_warm when all containers stand still, though their capacity is held', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    const { body } = await remove(id, '?keep_warm=10m').expect(200);
    expect(body).toEqual({
      success: true,
      deployment_id: id,
      status: 'deleted',
      replicas_stopped: 2,
      resources_released: false,
      deleted_at: expect.stringMatching(ISO_TIME),
      purge_at: expect.stringMatching(ISO_TIME),
      held_until: expect.stringMatching(ISO_TIME),
      message: `Deployment deleted; 2 replicas are stopped and kept for a restore until ${body.held_until}`,
    });
    expect(new Date(body.held_until).getTime() - new Date(body.deleted_at).getTime()).toBe(600_000);
    await t.dataSource.query(`UPDATE deployment_replicas SET warm_until = now() WHERE deployment_id = $1`, [id]);
    await t.dataSource.query(`UPDATE jobs SET due_at = now() WHERE key = $1`, [id]);
    await expectGone(t.dataSource, id);
  });

  it('keeps nothing warm of a deployment that does not run', async () => {
    const id = await deployed(t, 'ada');
    await t.as('ada').post(`/api/deployment/${id}/stop`).expect(202);
    await expectGone(t.dataSource, id);
    const { body } = await remove(id, '?keep_warm=1h').expect(200);
    expect(body).toMatchObject({ replicas_stopped: 0, resources_released: true });
    expect(body).not.toHaveProperty('held_until');
    expect(await deletion(id)).toMatchObject({ warm_until: null, completed_at: new Date(body.deleted_at) });
  });

  it('answers 202 at once to Prefer: respond-async, and says where to follow', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    const answer = await remove(id).set('Prefer', 'handling=lenient, Respond-Async; x=1').expect(202);
    expect(answer.body).toMatchObject({ status: 'deleted', replicas_stopped: 0, replicas_stopping: 2, resources_released: false });
    expect(answer.headers['preference-applied']).toBe('respond-async');
    expect(answer.headers.location).toBe(`/api/deployment/${id}/deletion`);
    await until(async () => (await t.as('ada').get(answer.headers.location!).expect(200)).body.state === 'done');
    await expectGone(t.dataSource, id);
  });

  it('waits as ever for other preferences, and says so by not applying them', async () => {
    const id = await deployed(t, 'ada');
    const answer = await remove(id).set('Prefer', 'respond-async-later, wait=3').expect(200);
    expect(answer.headers).not.toHaveProperty('preference-applied');
    expect(answer.headers).not.toHaveProperty('location');
  });

  it.each([
    ['*', 200],
    ['W/"0", "nothing", {etag}', 200],
    ['{etag}', 200],
    ['W/{etag}', 412],
    ['"0"', 412],
    ['""', 412],
    ['3', 400],
    ['"3', 400],
  ])('compares If-Match: %s as RFC 9110 says (%i)', async (wanted, status) => {
    const id = await deployed(t, 'ada');
    const { etag } = (await t.as('ada').get(`/api/deployment/status/${id}`).expect(200)).headers;
    expect(etag).toMatch(/^"\d+\.[\w-]{22}"$/);
    const version = etag?.replace(/\..*/, '"');
    expect((await t.as('ada').get(`/api/deployment/${id}`).expect(200)).headers.etag?.replace(/\..*/, '"')).toBe(version);
    const { body } = await remove(id).set('If-Match', wanted.replace('{etag}', etag!)).expect(status);
    if (status === 412) expect(body).toMatchObject({ code: 'precondition_failed', etag: version });
    if (status === 400) expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: 'If-Match' }] });
    expect((await statusOf(t, 'ada', id)).status).toBe(status === 200 ? 'deleted' : 'running');
  });
});
