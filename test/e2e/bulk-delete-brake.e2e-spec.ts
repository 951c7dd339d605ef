import { deployed, statusOf } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const bulk = '/api/deployment/bulk-delete';

let t: TestApp;
beforeEach(async () => {
  t = await startTestApp({ env: { BULK_DELETE_MAX_SHARE_PERCENT: '50', BULK_DELETE_ALWAYS_ALLOWED: '1', STOP_GRACE_SECONDS: '1' } });
  t.as('root', { admin: true });
});
afterEach(() => t?.close());

const deployments = (count: number): Promise<string[]> => Promise.all(Array.from({ length: count }, () => deployed(t, 'ada')));
const foreign = (name: string, count: number): Promise<string[]> => Promise.all(Array.from({ length: count }, () => deployed(t, name)));
const alive = async (ids: string[]): Promise<number> =>
  (await Promise.all(ids.map((id) => statusOf(t, 'ada', id)))).filter(({ status }) => status === 'running').length;

describe('the brake of bulk deletion', () => {
  it('stops an operation that would delete too much before it has deleted anything, until an administrator confirms it', async () => {
    const ids = await deployments(4);
    const { body } = await t
      .as('ada')
      .post(bulk)
      .send({ ids: ids.slice(0, 3) })
      .expect(202);
    expect(body).toMatchObject({ status: 'waiting_for_confirmation', pending: 3, deleted: 0 });
    expect(body.reason).toContain('3 of 4 live deployments');
    expect(await alive(ids)).toBe(4);

    await t.as('ada').post(`/api/operations/${body.operation_id}/confirm`).expect(403);
    await t.as('root').post(`/api/operations/${body.operation_id}/confirm`).expect(200);
    const done = await until(
      async () => {
        const { body: now } = await t.as('ada').get(`/api/operations/${body.operation_id}`).expect(200);
        return now.status === 'completed' ? now : null;
      },
      { what: 'the confirmed operation' },
    );
    expect(done).toMatchObject({ deleted: 3, confirmed_by: await t.userId('root') });
    expect(await alive(ids)).toBe(1);
  });

  it('tells the user that his operation waits, and why, once: it would wait for ever without a word', async () => {
    const ids = await deployments(4);
    const { body } = await t.as('ada').post(bulk).send({ ids }).expect(202);
    const { body: feed } = await t.as('ada').get('/api/events?types=fog.operation.waiting&wait=10').expect(200);
    expect(feed.events).toMatchObject([
      { type: 'fog.operation.waiting', data: { operation_id: body.operation_id, kind: 'bulk_delete', reason: body.reason } },
    ]);
    await t.as('root').post(`/api/operations/${body.operation_id}/confirm`).expect(200);
    await until(async () => (await t.as('ada').get(`/api/operations/${body.operation_id}`)).body.status === 'completed');
    expect(await t.dataSource.query(`SELECT 1 FROM events WHERE type = 'fog.operation.waiting'`)).toHaveLength(1);
  });

  it('adds operations up, also those that run at the same time', async () => {
    const ids = await deployments(6);
    const answers = await Promise.all(
      ids.slice(0, 5).map((id) =>
        t
          .as('ada')
          .post(bulk)
          .send({ ids: [id] }),
      ),
    );
    const states = answers.map(({ body }) => body.status as string).sort();
    expect(states.filter((state) => state === 'completed')).toHaveLength(3);
    expect(states.filter((state) => state === 'waiting_for_confirmation')).toHaveLength(2);
    expect(await alive(ids)).toBe(3);
    const { body: preview } = await t.as('ada').post(bulk).send({ ids, dry_run: true }).expect(200);
    expect(preview.needs_confirmation).toContain('after 3 within the last hour');
  });

  it('can be left by cancelling the operation', async () => {
    const ids = await deployments(4);
    const { body } = await t.as('ada').post(bulk).send({ ids }).expect(202);
    const cancelled = await t.as('ada').post(`/api/operations/${body.operation_id}/cancel`).expect(200);
    expect(cancelled.body).toMatchObject({ status: 'cancelled', cancelled: 4, pending: 0, reason: 'Cancelled by ada' });
    await t.as('root').post(`/api/operations/${body.operation_id}/confirm`).expect(409);
    expect(await alive(ids)).toBe(4);
  });

  it('does not work for a user whose account has been switched off meanwhile', async () => {
    const ids = await deployments(4);
    const { body } = await t.as('ada').post(bulk).send({ ids }).expect(202);
    await t.dataSource.query(`UPDATE users SET is_active = false WHERE username = 'ada'`);
    await t.as('root').post(`/api/operations/${body.operation_id}/confirm`).expect(200);
    const ended = await until(
      async () => {
        const { body: now } = await t.as('root').get(`/api/operations/${body.operation_id}`).expect(200);
        return now.status === 'running' ? null : now;
      },
      { what: 'the end of the operation' },
    );
    expect(ended).toMatchObject({ status: 'cancelled', deleted: 0, cancelled: 4 });
  });

  it('is the own one of each owner: nobody waits because of what others delete, and nobody reads their numbers', async () => {
    const [hers] = [await deployments(4), await foreign('eve', 8)];
    await t
      .as('ada')
      .post(bulk)
      .send({ ids: hers.slice(0, 2) })
      .expect(200);
    await t
      .as('ada')
      .post(bulk)
      .send({ ids: hers.slice(2) })
      .expect(202);
    const [one, two] = await foreign('bob', 2);
    expect(
      (
        await t
          .as('bob')
          .post(bulk)
          .send({ ids: [one!] })
          .expect(200)
      ).body,
    ).toMatchObject({ status: 'completed', deleted: 1 });
    const { body } = await t
      .as('bob')
      .post(bulk)
      .send({ ids: [two!] })
      .expect(202);
    expect(body.reason).toBe(
      '1 of 1 live deployments after 1 within the last hour are more than bulk deletion may delete in an hour (1). An administrator has to confirm it.',
    );
  });

  it('weighs only what the user may see: ids of others change nothing and tell nothing', async () => {
    const theirs = await foreign('eve', 6);
    const { body } = await t.as('ada').post(bulk).send({ ids: theirs }).expect(200);
    expect(body).toMatchObject({ status: 'completed', refused: 6, reason: null });
    expect((await t.as('ada').post(bulk).send({ ids: theirs, dry_run: true }).expect(200)).body.needs_confirmation).toBeNull();
  });

  it('holds an administrator too, for every owner', async () => {
    const [hers, theirs] = [await deployments(4), await foreign('eve', 4)];
    const { body } = await t
      .as('root')
      .post(bulk)
      .send({ ids: [...hers.slice(0, 1), ...theirs.slice(0, 3)] })
      .expect(202);
    expect(body).toMatchObject({ status: 'waiting_for_confirmation', deleted: 0 });
    expect(body.reason).toContain('3 of 4 live deployments of one owner');
  });
});

describe('the brake of the fleet', () => {
  it('stops what all owners together delete, and shows its numbers to administrators only', async () => {
    await t.close();
    const owner = { BULK_DELETE_MAX_SHARE_PERCENT: '60', BULK_DELETE_ALWAYS_ALLOWED: '1' };
    const fleet = { BULK_DELETE_FLEET_MAX_SHARE_PERCENT: '60', BULK_DELETE_FLEET_ALWAYS_ALLOWED: '1' };
    t = await startTestApp({ env: { ...owner, ...fleet } });
    const [hers, eves, bobs] = [await deployments(5), await foreign('eve', 2), await foreign('bob', 1)];
    await t
      .as('ada')
      .post(bulk)
      .send({ ids: hers.slice(0, 3) })
      .expect(200);
    await t
      .as('eve')
      .post(bulk)
      .send({ ids: eves.slice(0, 1) })
      .expect(200);
    const { body } = await t.as('bob').post(bulk).send({ ids: bobs }).expect(202);
    expect(body.reason).toMatch(/^So much is being deleted in bulk on this installation/);
    expect(body.reason).not.toMatch(/\d/);
    const { body: preview } = await t.as('bob').post(bulk).send({ ids: bobs, dry_run: true }).expect(200);
    expect(preview.needs_confirmation).toBe(body.reason);
    const numbers = '1 of 4 live deployments of all owners after 4 within the last hour';
    const root = t.as('root', { admin: true });
    expect((await root.get(`/api/operations/${String(body.operation_id)}`).expect(200)).body.reason).toContain(numbers);
    expect((await root.get('/api/operations?all_users=true&limit=1').expect(200)).body[0].reason).toContain(numbers);
    await root.post(`/api/operations/${String(body.operation_id)}/confirm`).expect(200);
    await until(async () => (await t.as('bob').get(`/api/operations/${String(body.operation_id)}`)).body.status === 'completed');
  });
});
