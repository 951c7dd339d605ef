import { anUnnamedSpec, deploy, expectInvariants, freshName, reaches, settles } from '../support/deployments';
import { change, QUICK } from '../support/changes';
import { startTestApp, type TestApp } from '../support/test-app';

/** Each demo node has room for one replica of these, and not for two. */
const BIG = { cpu: 5, memory: 512, storage: 1 };

describe('the preview of a change', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { MAX_REPLICAS_PER_USER: '110' } });
  });
  afterAll(() => t?.close());
  afterEach(() => expectInvariants(t.dataSource));

  const preview = (id: string, patch: object, user = 'ada') => t.as(user).post(`/api/deployment/${id}/preview`).send(patch);
  const named = (name: string, body: object) => t.as('ada').post(`/api/deployment/named/${name}/preview`).send(body);
  const put = (name: string, body: object) => t.as('ada').put(`/api/deployment/named/${name}`).send(body);
  const bodyOf = (over: object = {}): Record<string, unknown> => anUnnamedSpec({ rollout: QUICK, ...over });
  const idOf = ({ body }: { body: unknown }): string => (body as { deployment_id: string }).deployment_id;
  const TOO_MANY = { replicas: 100, resources: BIG };

  it('refuses a scale of a failed deployment in the words of the change', async () => {
    const id = await deploy(t, 'ada', TOO_MANY);
    await reaches(t, 'ada', id, 'failed');
    const [told, done] = [await preview(id, { replicas: 1 }), await change(t, 'ada', id, { replicas: 1 })];
    expect([told.status, told.body.code, told.body.detail]).toEqual([400, 'invalid_state', 'Cannot scale deployment in failed state']);
    expect([done.status, done.body.detail]).toEqual([told.status, told.body.detail]);
    expect((await preview(id, { region: 'eu-west' }).expect(200)).body).toMatchObject({
      ...{ result: 'updated', placement: null, schedulable: true, message: 'No replica would be placed now' },
    });
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
  });

  it.each<[what: string, over: object, fits: boolean]>([
    ['the number of replicas', { replicas: 1 }, true],
    ['the region', { region: 'eu-west' }, false],
    ['the placement strategy', { placement_strategy: 'distinct' }, false],
  ])('and a PUT that changes only %s tries a failed deployment again, and one that changes nothing does not', async (_what, over, fits) => {
    const name = freshName();
    const failing = bodyOf(TOO_MANY);
    const id = idOf(await put(name, failing).expect(202));
    await reaches(t, 'ada', id, 'failed');
    expect((await named(name, failing).expect(200)).body).toMatchObject({ result: 'unchanged', placement: null });
    expect((await put(name, failing).expect(200)).body).toMatchObject({ result: 'unchanged', status: 'failed' });

    const told = (await named(name, { ...failing, ...over }).expect(200)).body;
    expect(told).toMatchObject({ result: 'updated', new_revision: false, schedulable: fits });
    expect(told.message).toMatch(fits ? /^All 1 replicas would be placed$/ : /^Insufficient nodes/);
    const done = await put(name, { ...failing, ...over }).expect(200);
    expect(done.body).toMatchObject({ result: 'updated', status: 'pending', revision: 1 });
    await reaches(t, 'ada', id, fits ? 'running' : 'failed');
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
  });

  it('tells that there is no room, by either way, and the change then says the same', async () => {
    const name = freshName();
    const body = bodyOf({ resources: BIG });
    const id = idOf(await put(name, body).expect(202));
    await reaches(t, 'ada', id, 'running', 'healthy');
    await settles(t, 'ada', id);
    for (const told of [await preview(id, { replicas: 90 }), await named(name, { ...body, replicas: 90 })]) {
      expect(told.body).toMatchObject({ dry_run: true, result: 'updated', schedulable: false, placement: expect.anything() as object });
      expect(told.body.message).toMatch(/^Insufficient nodes/);
    }
    expect((await change(t, 'ada', id, { replicas: 90 }).expect(503)).body).toMatchObject({ code: 'insufficient_nodes' });
    await put(name, { ...body, replicas: 90 }).expect(503);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
  });

  it('asks the quotas, by either way', async () => {
    const name = freshName();
    const id = idOf(await put(name, bodyOf()).expect(202));
    await reaches(t, 'ada', id, 'running', 'healthy');
    const ask = () => [preview(id, { replicas: 12 }), named(name, bodyOf({ replicas: 12 })), named(freshName(), bodyOf({ replicas: 12 }))];
    for (const asked of ask()) expect((await asked.expect(200)).body).toMatchObject({ schedulable: true });
    const other = await deploy(t, 'ada', TOO_MANY);
    await reaches(t, 'ada', other, 'failed');
    const refusals = [...ask(), change(t, 'ada', id, { replicas: 12 })];
    for (const asked of refusals) {
      expect((await asked.expect(409)).body).toMatchObject({ code: 'quota_exceeded', quota: 'replicas', limit: 110 });
    }
    for (const each of [id, other]) await t.as('ada').delete(`/api/deployment/${each}?wait=60`).expect(200);
  });
});

it('counts only what is added while the replicas have their nodes and do not run yet', async () => {
  const t = await startTestApp({ env: { SIMULATED_DELAY_MS: '60000', STOP_GRACE_SECONDS: '0' } });
  try {
    const id = await deploy(t, 'ada', { replicas: 2, resources: BIG });
    await reaches(t, 'ada', id, 'scheduled');
    for (const patch of [{ replicas: 3 }, { container_image: 'nginx:1.28' }]) {
      const { body } = await t.as('ada').post(`/api/deployment/${id}/preview`).send(patch).expect(200);
      expect(body).toMatchObject({ schedulable: true, message: 'All 1 replicas would be placed' });
    }
  } finally {
    await t.close();
  }
});
