import { aSpec, deployed, freshName } from '../support/deployments';
import { aDeletedDeployment } from '../support/purge';
import { startTestApp, type TestApp } from '../support/test-app';

describe('previews', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0' } });
  });
  afterAll(() => t?.close());

  const reader = () => t.as('ada', { readOnly: true });

  it('of a deploy answers as its dry run does, for a read-only token too', async () => {
    const spec = aSpec({ replicas: 2 });
    const { body: dry } = await t.as('ada').post('/api/deployment/deploy?dry_run=true').send(spec).expect(200);
    const { body } = await reader().post('/api/deployment/deploy/preview').send(spec).expect(200);
    // The scores move with the load of the nodes from one look to the next, and with them what is chosen.
    expect({ ...body, placement: dry.placement as unknown, node_ids: dry.node_ids as unknown }).toEqual(dry);
    expect(new Set(body.node_ids as string[]).size).toBe(2);
    expect(body.placement).toMatchObject({ requested: 2, placed: 2 });
    await reader().post('/api/deployment/deploy?dry_run=true').send(spec).expect(403);
    expect((await t.as('ada').post('/api/deployment/deploy/preview').send({ name: '-' }).expect(422)).body.code).toBe('validation_failed');
  });

  it('of a delete and of a restore answer as their dry runs do, and tell a stranger nothing', async () => {
    const id = await deployed(t, 'ada');
    const path = `/api/deployment/${id}`;
    const dry = await t.as('ada').delete(`${path}?dry_run=true&grace_seconds=7`).expect(200);
    const preview = await reader().get(`${path}/deletion-preview?grace_seconds=7`).expect(200);
    expect({ ...preview.body, purge_at: dry.body.purge_at as unknown }).toEqual(dry.body);
    expect(preview.headers.etag).toMatch(new RegExp(`^"${String(dry.body.etag).replaceAll('"', '')}\\.`));
    await reader().get(`${path}/deletion-preview`).set('If-Match', '"0"').expect(412);
    await reader().get(`${path}/deletion-preview?wait=1`).expect(400);
    await t.as('bob').get(`${path}/deletion-preview`).expect(404);

    await t.as('ada').delete(path).expect(200);
    const name = freshName();
    const { body: restore } = await t.as('ada').post(`${path}/restore?dry_run=true`).send({ name }).expect(200);
    expect((await reader().post(`${path}/restore/preview`).send({ name }).expect(200)).body).toEqual(restore);
    await reader().post(`${path}/restore/preview`).expect(200);
    await t.as('bob').post(`${path}/restore/preview`).expect(404);
  });

  it('of a bulk delete answers as its dry run does', async () => {
    const ids = [await deployed(t, 'ada'), await deployed(t, 'bob')];
    const { body: dry } = await t.as('ada').post('/api/deployment/bulk-delete').send({ ids, dry_run: true }).expect(200);
    expect(dry).toMatchObject({ would_delete: 1, would_refuse: 1 });
    expect((await reader().post('/api/deployment/bulk-delete/preview').send({ ids }).expect(200)).body).toEqual(dry);
  });

  it('of purges and retention policies answer as their dry runs do, for administrators', async () => {
    const root = () => t.as('root', { admin: true });
    const id = await aDeletedDeployment(t.dataSource, await t.userId('ada'));
    const { body: dry } = await root().delete(`/api/admin/deployment/${id}?dry_run=true`).expect(200);
    expect((await root().get(`/api/admin/deployment/${id}/purge-preview`).expect(200)).body).toEqual(dry);
    await t.as('ada').get(`/api/admin/deployment/${id}/purge-preview`).expect(403);

    const policies = '/api/admin/retention-policies';
    const policy = { selector: 'label', value: `app=${freshName()}`, days: 7 };
    const asked = async (path: string, body: object) => (await root().post(path).send(body).expect(200)).body as unknown;
    expect(await asked(`${policies}/preview`, policy)).toEqual(await asked(`${policies}?dry_run=true`, policy));
    const made = (await root().post(policies).send(policy).expect(201)).body as { id: string };
    const { body: change } = await root().patch(`${policies}/${made.id}?dry_run=true`).send({ days: 9 }).expect(200);
    expect(await asked(`${policies}/${made.id}/preview`, { days: 9 })).toEqual(change);
    const { body: removal } = await root().delete(`${policies}/${made.id}?dry_run=true`).expect(200);
    expect((await root().get(`${policies}/${made.id}/removal-preview`).expect(200)).body).toEqual(removal);
  });
});
