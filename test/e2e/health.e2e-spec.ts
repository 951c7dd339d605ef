import { Readiness } from '../../src/health/readiness.service';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('health', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ cutsDatabase: true });
  });
  afterAll(() => t?.close());

  it('is live without a token', async () => {
    const { body } = await t.http.get('/health/live').expect(200).expect('Cache-Control', 'no-store');
    expect(body).toEqual({ status: 'live' });
  });

  it('is ready, and says that the runtime is simulated', async () => {
    const { body } = await t.http.get('/health/ready').expect(200);
    expect(body).toEqual({
      status: 'ready',
      checks: {
        database: { ok: true },
        jobs: { ok: true, oldest_due_seconds: expect.any(Number) as number },
        runtime: { ok: true, kind: 'simulated', simulated: true, nodes_online: 3, reason: expect.stringContaining('simulated') as string },
        encryption: { ok: true },
        clock: { ok: true, step_seconds: null },
      },
    });
  });

  it('is not ready while the database is away, answers 503 with Retry-After, and comes back by itself', async () => {
    const token = await t.token('ada');
    const list = () => t.http.get('/api/deployment/list').set('Authorization', `Bearer ${token}`);
    t.databaseProxy!.cut();
    try {
      const gone = await t.http.get('/health/ready').expect(503);
      expect(gone.body).toMatchObject({
        status: 'not_ready',
        checks: { database: { ok: false }, jobs: { ok: false, oldest_due_seconds: null } },
      });
      await t.http.get('/health/live').expect(200);
      const { body, headers } = await list().expect(503);
      expect(body).toMatchObject({ code: 'try_again' });
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    } finally {
      t.databaseProxy!.restore();
    }
    await until(async () => (await t.http.get('/health/ready')).status === 200, { what: 'readiness after the database is back' });
    await list().expect(200);
  });

  it('is not ready when a due job has been waiting for too long', async () => {
    await t.dataSource.query(`INSERT INTO jobs (kind, key, due_at) VALUES ('deployment.reconcile', 'x', 'infinity')`);
    const holder = t.dataSource.createQueryRunner();
    await holder.startTransaction();
    try {
      // This lock keeps workers from the row, but lets it be made due.
      await holder.query(`SELECT 1 FROM jobs WHERE key = 'x' FOR KEY SHARE`);
      await t.dataSource.query(`UPDATE jobs SET due_at = now() - interval '2 minutes' WHERE key = 'x'`);
      const { body } = await t.http.get('/health/ready').expect(503);
      const { jobs } = (body as { checks: { jobs: { ok: boolean; oldest_due_seconds: number } } }).checks;
      expect(jobs.ok).toBe(false);
      expect(jobs.oldest_due_seconds).toBeGreaterThan(119);
      await holder.query(`DELETE FROM jobs WHERE key = 'x'`);
      await holder.commitTransaction();
    } finally {
      await holder.release();
    }
    await t.http.get('/health/ready').expect(200);
  });

  it('stays ready when deliveries are late: the slow target of some user says nothing of us', async () => {
    const holder = t.dataSource.createQueryRunner();
    await t.dataSource.query(`INSERT INTO jobs (kind, key, due_at) VALUES ('notification.deliver', 'y', 'infinity')`);
    await holder.startTransaction();
    try {
      await holder.query(`SELECT 1 FROM jobs WHERE key = 'y' FOR KEY SHARE`);
      await t.dataSource.query(`UPDATE jobs SET due_at = now() - interval '2 minutes' WHERE key = 'y'`);
      await t.http.get('/health/ready').expect(200);
      await holder.query(`DELETE FROM jobs WHERE key = 'y'`);
      await holder.commitTransaction();
    } finally {
      await holder.release();
    }
  });

  it('is not ready from the first moment of a shutdown', async () => {
    t.app.get(Readiness, { strict: false }).stop();
    expect((await t.http.get('/health/ready').expect(503)).body).toMatchObject({ status: 'stopping' });
    await t.http.get('/health/live').expect(200);
  });
});
