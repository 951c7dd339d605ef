import { deployed } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

/** A step of the clock cannot be made here. Moving every time in the database the other way looks the same. */
describe('a step of the clock of the database', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { NODE_SYNC_SECONDS: '1' } });
  });
  afterAll(() => t?.close());

  const root = () => t.as('root', { admin: true });
  const looked = (): Promise<unknown> =>
    t.dataSource.query(`UPDATE jobs SET due_at = now() WHERE kind IN ('maintenance', 'retention.purge') AND lease_until IS NULL`);

  it('forward keeps what would be purged, audited and published for a year, until an administrator confirms the time', async () => {
    const id = await deployed(t, 'ada');
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    await root().post('/api/admin/clock/confirm').expect(409);
    await t.dataSource.query(`UPDATE clock_watch SET seen_at = seen_at - interval '400 days'`);
    await t.dataSource.query(`
      SET session_replication_role = replica;
      UPDATE deployments SET purge_at = purge_at - interval '400 days', deleted_at = deleted_at - interval '400 days' WHERE status = 'deleted';
      UPDATE events SET published_at = published_at - interval '400 days';
      RESET session_replication_role`);
    const events = async (): Promise<number> => (await t.dataSource.query<unknown[]>(`SELECT 1 FROM events`)).length;
    const before = await events();
    await looked();
    const health = async () => (await t.http.get('/health/ready').expect(200)).body as { checks: { clock: { ok: boolean } } };
    await until(async () => !(await health()).checks.clock.ok, { what: 'the step to be seen' });
    await looked();
    await until(
      async () => (await t.dataSource.query<unknown[]>(`SELECT 1 FROM jobs WHERE kind = 'retention.purge' AND due_at > now()`)).length,
      {
        what: 'the purge to have had its turn',
      },
    );
    await root().get(`/api/deployment/${id}/history?include_deleted=true`).expect(200);
    expect(await events()).toBeGreaterThanOrEqual(before);
    expect((await root().get('/api/admin/clock').expect(200)).body).toMatchObject({
      trusted: false,
      step_seconds: expect.closeTo(400 * 86_400, -2) as number,
    });
    await t.as('ada').post('/api/admin/clock/confirm').expect(403);
    expect((await root().post('/api/admin/clock/confirm').expect(200)).body).toMatchObject({ trusted: true, step_seconds: null });
    expect((await health()).checks.clock.ok).toBe(true);
    await until(
      async () => {
        await looked();
        return (await t.dataSource.query<unknown[]>(`SELECT 1 FROM deployments WHERE id = $1`, [id])).length === 0;
      },
      { what: 'the purge after the confirmation', everyMs: 200, timeoutMs: 20_000 },
    );
  });

  it('back brings forward what is due, and notices nodes that have died', async () => {
    await t.dataSource.query(`UPDATE clock_watch SET seen_at = seen_at + interval '2 hours'`);
    await t.dataSource.query(`UPDATE nodes SET last_heartbeat = now() + interval '2 hours'`);
    await t.dataSource.query(
      `UPDATE jobs SET due_at = now() + interval '2 hours', lease_until = NULL, claim = NULL, claimed_by = NULL WHERE kind IN ('node.sync', 'maintenance')`,
    );
    await until(
      async () => {
        const [row] = await t.dataSource.query<[{ late: number }]>(
          `SELECT (SELECT count(*) FROM nodes WHERE last_heartbeat > now() + interval '1 minute')::int
                  + (SELECT count(*) FROM jobs WHERE due_at > now() + interval '10 minutes')::int AS late`,
        );
        return row.late === 0;
      },
      { what: 'the times to be brought forward', timeoutMs: 30_000 },
    );
    // A process that writes these times just now may be sooner than the look at the clock.
    const isConfirmed = async (): Promise<boolean> => (await root().post('/api/admin/clock/confirm')).status === 200;
    await until(isConfirmed, { what: 'the step to be noticed and confirmed' });
  });
});
