import { anUnnamedSpec, aSpec, expectInvariants, freshName, historyOf, reaches, settles } from '../support/deployments';
import { QUICK, rolloutEnds } from '../support/changes';
import { startTestApp, type TestApp } from '../support/test-app';

describe('PUT /api/deployment/named/{name}', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());
  afterEach(() => expectInvariants(t.dataSource));

  const bodyOf = (over: object = {}): Record<string, unknown> => anUnnamedSpec({ rollout: QUICK, ...over });
  const put = (name: string, body: object, user = 'ada') => t.as(user).put(`/api/deployment/named/${name}`).send(body);
  const idOf = ({ body }: { body: unknown }): string => (body as { deployment_id: string }).deployment_id;

  it('creates, leaves alone, and changes, and can be read by the name', async () => {
    const name = freshName();
    const created = await put(name, bodyOf()).expect(202);
    expect(created.body).toMatchObject({ success: true, result: 'created', status: 'pending', revision: 1, rollout: null });
    const id = idOf(created);
    await reaches(t, 'ada', id, 'running', 'healthy');
    expect((await put(name, bodyOf()).expect(200)).body).toMatchObject({
      deployment_id: id,
      result: 'unchanged',
      message: 'Nothing to change',
    });
    const changed = await put(name, bodyOf({ container_image: 'nginx:1.28', replicas: 2 })).expect(202);
    expect(changed.body).toMatchObject({ deployment_id: id, result: 'rolling_out', revision: 2 });
    await rolloutEnds(t, 'ada', id, 'completed');
    await settles(t, 'ada', id);
    const { body } = await t.as('ada').get(`/api/deployment/named/${name}`).expect(200);
    expect(body).toMatchObject({ deployment_id: id, container_image: 'nginx:1.28', target_replicas: 2, revision: 2 });
    const spec = { ...(body as { spec: Record<string, unknown> }).spec };
    delete spec.name;
    expect((await put(name, spec).expect(200)).body).toMatchObject({ result: 'unchanged' });
  });

  it('of many at once creates one, and all agree', async () => {
    const name = freshName();
    const answers = await Promise.all([1, 2, 3].map(() => put(name, bodyOf())));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 202]);
    expect(new Set(answers.map(idOf)).size).toBe(1);
  });

  it('lets a protection stay that it does not speak of', async () => {
    const name = freshName();
    const id = idOf(await put(name, bodyOf()).expect(202));
    await t.as('ada').put(`/api/deployment/${id}/protection`).send({ reason: 'mine' }).expect(200);
    expect((await put(name, bodyOf()).expect(200)).body).toMatchObject({ result: 'unchanged' });
    expect((await put(name, bodyOf({ protected: false })).expect(200)).body).toMatchObject({ result: 'updated' });
  });

  it('schedules a failed one with a new revision again, and lets a stopped one be', async () => {
    const name = freshName();
    const id = idOf(await put(name, bodyOf({ container_image: 'simulated/rejected:1' })).expect(202));
    await reaches(t, 'ada', id, 'failed');
    expect((await put(name, bodyOf()).expect(202)).body).toMatchObject({ status: 'pending', revision: 2, rollout: { state: 'completed' } });
    await reaches(t, 'ada', id, 'running', 'healthy');
    expect((await historyOf(t, 'ada', id)).map(({ reason }) => reason)).toContain('Retried by user');
    await t.as('ada').post(`/api/deployment/${id}/stop`).expect(202);
    expect((await put(name, bodyOf({ container_image: 'nginx:1.28' })).expect(202)).body).toMatchObject({ status: 'stopped', revision: 3 });
  });

  it('refuses a name in the body, another type, a bad name, and a condition that nothing meets', async () => {
    const name = freshName();
    expect((await put(name, aSpec()).expect(422)).body).toMatchObject({ errors: [{ pointer: '/name' }] });
    expect((await put('-bad', bodyOf()).expect(400)).body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: 'name' }] });
    await put(name, bodyOf()).set('If-Match', '*').expect(412);
    await put(name, bodyOf()).expect(202);
    expect((await put(name, bodyOf({ type: 'storage' })).expect(422)).body).toMatchObject({ errors: [{ pointer: '/type' }] });
  });

  it('says what it would do', async () => {
    const name = freshName();
    const preview = (body: object) => t.as('ada').post(`/api/deployment/named/${name}/preview`).send(body).expect(200);
    expect((await preview(bodyOf())).body).toMatchObject({ dry_run: true, result: 'created', new_revision: true, schedulable: true });
    await t.as('ada').get(`/api/deployment/named/${name}`).expect(404);
    await put(name, bodyOf()).expect(202);
    const dry = await t
      .as('ada')
      .put(`/api/deployment/named/${name}?dry_run=true`)
      .send(bodyOf({ replicas: 3 }))
      .expect(200);
    expect(dry.body).toMatchObject({ result: 'updated', new_revision: false, changes: [{ field: 'replicas', from: 1, to: 3 }] });
  });

  it('knows the own names only', async () => {
    const name = freshName();
    const ada = idOf(await put(name, bodyOf()).expect(202));
    await t.as('bob').get(`/api/deployment/named/${name}`).expect(404);
    expect(idOf(await put(name, bodyOf(), 'bob').expect(202))).not.toBe(ada);
  });
});
