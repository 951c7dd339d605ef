import { randomUUID } from 'node:crypto';
import { aSpec, deploy, deployed, expectGone, expectInvariants, historyOf, reaches } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';

describe('an Idempotency-Key', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());
  afterEach(() => expectInvariants(t.dataSource));

  interface Call {
    path: string;
    body?: object;
    method?: 'post' | 'delete';
  }
  const send = ({ path, body, method = 'post' }: Call, key: string, user = 'ada') => {
    const request = t.as(user)[method](`/api/deployment/${path}`).set('Idempotency-Key', key);
    return body === undefined ? request : request.send(body);
  };

  /** Sends the same thing twice: the second answer is the first one again and the effect happened once. */
  const twice = async (call: Call, status: number, id?: string): Promise<Record<string, unknown>> => {
    const key = randomUUID();
    const first = await send(call, key).expect(status);
    const target = id ?? (first.body.deployment_id as string);
    const changes = (await historyOf(t, 'ada', target)).filter((row) => row.changed_by !== null).length;
    const second = await send(call, key).expect(status);
    // A refusal contains the id of its request; everything else is the same.
    expect({ ...second.body, request_id: '' }).toEqual({ ...first.body, request_id: '' });
    expect(second.headers.location).toBe(first.headers.location);
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect((await historyOf(t, 'ada', target)).filter((row) => row.changed_by !== null)).toHaveLength(changes);
    return first.body as Record<string, unknown>;
  };

  it('gives the first answer of deploy, scale, stop, start and delete again', async () => {
    const spec = aSpec({ replicas: 2 });
    const { deployment_id } = await twice({ path: 'deploy', body: spec }, 202);
    const id = deployment_id as string;
    await reaches(t, 'ada', id, 'running', 'healthy');
    await twice({ path: `scale/${id}`, body: { replicas: 3 } }, 200, id);
    await twice({ path: `${id}/stop` }, 202, id);
    await expectGone(t.dataSource, id);
    await twice({ path: `${id}/start` }, 202, id);
    await reaches(t, 'ada', id, 'running', 'healthy');
    expect(await twice({ path: id, method: 'delete' }, 200, id)).toMatchObject({ replicas_stopped: 3, resources_released: true });
    const named = await t.dataSource.query<unknown[]>(`SELECT 1 FROM deployments WHERE name = $1`, [spec.name]);
    expect(named).toHaveLength(1);
  });

  it('gives the first answer of retry again, and refusals too', async () => {
    const id = await deploy(t, 'ada', { resources: { cpu: 32, memory: 512 } });
    await reaches(t, 'ada', id, 'failed');
    await twice({ path: `${id}/retry` }, 202, id);
    await reaches(t, 'ada', id, 'failed');
    await twice({ path: `${id}/start` }, 409, id);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    await twice({ path: id, method: 'delete' }, 409, id);
  });

  it('is not used up by a fault of the request: the corrected one may have it', async () => {
    const key = randomUUID();
    const spec = aSpec();
    await send({ path: 'deploy', body: { ...spec, replicas: 0 } }, key).expect(422);
    await send({ path: 'deploy?dry_run=maybe', body: spec }, key).expect(400);
    const made = await send({ path: 'deploy', body: spec }, key).expect(202);
    expect((await send({ path: 'deploy', body: spec }, key).expect(202).expect('Idempotency-Replayed', 'true')).body).toEqual(made.body);
    await t
      .as('ada')
      .delete(`/api/deployment/${String(made.body.deployment_id)}`)
      .expect(200);
  });

  it('makes a repeated PUT and PATCH answer as the first, whatever has changed since', async () => {
    const id = await deployed(t, 'ada');
    const path = `/api/deployment/${id}/protection`;
    const protect = () => t.as('ada').put(path).set('Idempotency-Key', 'protect-1').send({ reason: 'release' }).expect(200);
    const first = await protect();
    await t.as('ada').delete(path).expect(200);
    const second = await protect();
    expect([second.headers['idempotency-replayed'], second.body]).toEqual(['true', first.body]);
    expect((await t.as('ada').get(`/api/deployment/${id}`).expect(200)).body.protected).toBe(false);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    const rename = (email: string) => t.as('ada').patch('/api/auth/me').set('Idempotency-Key', 'email-1').send({ email });
    await rename('first@example.org').expect(200);
    await rename('first@example.org').expect(200).expect('Idempotency-Replayed', 'true');
    expect((await rename('other@example.org').expect(422)).body.code).toBe('idempotency_key_reused');
  });

  it('refuses another request under the same key with 422', async () => {
    const key = randomUUID();
    const id = await deployed(t, 'ada');
    await send({ path: `scale/${id}`, body: { replicas: 2 } }, key).expect(200);
    for (const call of [{ path: `scale/${id}`, body: { replicas: 3 } }, { path: `${id}/stop` }, { path: id, method: 'delete' as const }]) {
      expect((await send(call, key).expect(422)).body).toMatchObject({ code: 'idempotency_key_reused' });
    }
    const other = await send({ path: `${id}/stop` }, key, 'bob').expect(404);
    expect(other.body.code).toBe('not_found');
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  });

  it('lets one of ten equal requests at once have the effect and gives all of them its answer', async () => {
    const spec = aSpec();
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => send({ path: 'deploy', body: spec }, key)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 202));
    expect(new Set(answers.map(({ body }) => body.deployment_id)).size).toBe(1);
    const id: string = answers[0]!.body.deployment_id;
    await reaches(t, 'ada', id, 'running');

    const deleteKey = randomUUID();
    const deletes = await Promise.all(Array.from({ length: 5 }, () => send({ path: id, method: 'delete' }, deleteKey)));
    // A repetition while the first request still waits for the teardown gets the answer from the moment of the
    // decision.
    for (const { status, body } of deletes)
      expect([status, body.success, body.status]).toEqual([body.resources_released ? 200 : 202, true, 'deleted']);
    expect((await send({ path: id, method: 'delete' }, deleteKey)).body).toMatchObject({ replicas_stopped: 1, resources_released: true });
    expect((await historyOf(t, 'ada', id)).filter((row) => row.new_status === 'deleted')).toHaveLength(1);
  });

  it('is free again after an answer that a repetition can outlive', async () => {
    const id = await deployed(t, 'ada', { resources: { cpu: 8, memory: 512, storage: 1 } });
    const blocker = await deployed(t, 'ada', { replicas: 5, resources: { cpu: 8, memory: 512, storage: 1 } });
    const key = randomUUID();
    await send({ path: `scale/${id}`, body: { replicas: 3 } }, key).expect(503);
    await t.as('ada').delete(`/api/deployment/${blocker}`).expect(200);
    await send({ path: `scale/${id}`, body: { replicas: 3 } }, key).expect(200);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  });
});
