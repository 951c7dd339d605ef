import { deployed, reaches, statusOf, UNKNOWN_ID } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ env: { STOP_GRACE_SECONDS: '1', BULK_DELETE_MAX_SHARE_PERCENT: '100' } });
  t.as('root', { admin: true });
});
afterAll(() => t?.close());

const restore = (user: string, body: object): ReturnType<ReturnType<TestApp['as']>['post']> =>
  t.as(user).post('/api/deployment/bulk-restore').send(body);

describe('POST /api/deployment/bulk-restore', () => {
  it('undoes a bulk deletion: everything that it deleted comes back, each with a result', async () => {
    const ids = await Promise.all(Array.from({ length: 4 }, () => deployed(t, 'ada', { replicas: 2 })));
    const { body: deletion } = await t
      .as('ada')
      .post('/api/deployment/bulk-delete')
      .send({ ids: [...ids, UNKNOWN_ID] })
      .expect(200);
    const name = (await statusOf(t, 'ada', ids[0]!)) as unknown as { name: string };
    await deployed(t, 'ada', { name: name.name });

    const { body } = await restore('ada', { operation_id: deletion.operation_id }).expect(200);
    expect(body).toMatchObject({ kind: 'bulk_restore', status: 'completed', total: 4, restored: 3, refused: 1 });
    expect(body.items[0]).toMatchObject({ deployment_id: ids[0], state: 'refused', code: 'name_taken' });
    for (const id of ids.slice(1)) await reaches(t, 'ada', id, 'running', 'healthy');
    expect((await statusOf(t, 'ada', ids[0]!)).status).toBe('deleted');
  });

  it('refuses what is foreign, live or unknown one by one, and restores the rest', async () => {
    const mine = await deployed(t, 'bob');
    const live = await deployed(t, 'bob');
    const foreign = await deployed(t, 'eve');
    await t.as('bob').delete(`/api/deployment/${mine}`).expect(200);
    await t.as('eve').delete(`/api/deployment/${foreign}`).expect(200);
    const { body } = await restore('bob', { ids: [foreign, live, UNKNOWN_ID, mine] }).expect(200);
    expect((body.items as { state: string; code: string | null }[]).map(({ state, code }) => [state, code])).toEqual([
      ['refused', 'not_found'],
      ['refused', 'not_deleted'],
      ['refused', 'not_found'],
      ['restored', null],
    ]);
    expect((await statusOf(t, 'eve', foreign)).status).toBe('deleted');
  });

  it('undoes only what the caller may see', async () => {
    const id = await deployed(t, 'eve');
    const { body: deletion } = await t
      .as('eve')
      .post('/api/deployment/bulk-delete')
      .send({ ids: [id] })
      .expect(200);
    await restore('bob', { operation_id: deletion.operation_id }).expect(404);
    await restore('bob', { operation_id: UNKNOWN_ID }).expect(404);
    await restore('bob', {}).expect(422);
    await restore('bob', { ids: [id], operation_id: deletion.operation_id }).expect(422);
    const { body } = await restore('root', { operation_id: deletion.operation_id }).expect(200);
    expect(body).toMatchObject({ restored: 1 });
  });
});
