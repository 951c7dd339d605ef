import { setTimeout as sleep } from 'node:timers/promises';
import { Client as Postgres } from 'pg';
import type { DataSource } from 'typeorm';
import { JobQueue } from '../../src/jobs/job-queue';
import { Installation } from '../support/installation';
import { adminOf, type ProcessUnderTest } from '../support/process-under-test';
import { aDeployment } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

/** Before a release: `HERD_JOBS=10000 BACKLOG_CLAIMS=3125 npx jest test/faults/backlog`. */
const HERD_JOBS = Number(process.env.HERD_JOBS ?? '2000');
const BACKLOG_CLAIMS = Number(process.env.BACKLOG_CLAIMS ?? '400');
const QUEUED = 100_000;
const QUEUED_AT_ONCE = 10_000;
const AT_A_TIME = 32;

const POOL_SIZE = 10;
/** Besides its pool a process has one connection that listens and, while it starts, two that migrate. */
const CONNECTIONS_EACH = POOL_SIZE + 1 + 2;

const percentile = (times: readonly number[], share: number): number =>
  [...times].sort((one, other) => one - other)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Infinity;

describe(`two APIs and two workers that start at once before ${HERD_JOBS} queued jobs`, () => {
  let installation: Installation;
  let dataSource: DataSource;
  let processes: ProcessUnderTest[] = [];
  let mostConnections = 0;
  let mostClaimed = 0;
  const times: number[] = [];
  const statuses = new Set<number>();

  const jobsLeft = async (): Promise<number> => {
    const [row] = await dataSource.query<[{ count: number }]>(
      `SELECT count(*)::int AS count FROM jobs WHERE kind = 'deployment.reconcile'`,
    );
    return row.count;
  };

  const watch = async (): Promise<void> => {
    const [seen] = await dataSource.query<[{ connections: number; claimed: number }]>(
      `SELECT (SELECT count(*)::int FROM pg_stat_activity
                WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()) AS connections,
              (SELECT coalesce(max(n), 0)::int FROM (SELECT count(*) AS n FROM jobs
                WHERE kind = 'deployment.reconcile' AND lease_until > now() GROUP BY claimed_by) AS each) AS claimed`,
    );
    mostConnections = Math.max(mostConnections, seen.connections);
    mostClaimed = Math.max(mostClaimed, seen.claimed);
  };

  beforeAll(async () => {
    installation = await Installation.create(1);
    ({ dataSource } = installation);
    const env = { DATABASE_POOL_SIZE: String(POOL_SIZE) };
    const first = await installation.start({ ...env, ROLE: 'api' });
    const earlier = await adminOf(first);
    await first.kill('SIGTERM');
    const [{ userId }] = await dataSource.query<[{ userId: string }]>(`SELECT id AS "userId" FROM users`);
    const model = await aDeployment(dataSource, { user_id: userId, status: 'deleted', deleted_at: new Date() });
    await dataSource.query(
      `INSERT INTO deployments SELECT (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid()))).*
         FROM deployments AS d, generate_series(2, $2::int) WHERE d.id = $1`,
      [model, HERD_JOBS],
    );
    await dataSource.query(
      `INSERT INTO deployment_resources SELECT (jsonb_populate_record(r, jsonb_build_object('deployment_id', d.id))).*
         FROM deployment_resources AS r, deployments AS d WHERE r.deployment_id = $1 AND d.id <> $1`,
      [model],
    );
    await dataSource.query(
      `INSERT INTO deployment_revisions SELECT (jsonb_populate_record(v, jsonb_build_object('deployment_id', d.id))).*
         FROM deployment_revisions AS v, deployments AS d WHERE v.deployment_id = $1 AND d.id <> $1`,
      [model],
    );
    await dataSource.query(`INSERT INTO jobs (kind, key) SELECT 'deployment.reconcile', id::text FROM deployments`);
    expect(await jobsLeft()).toBe(HERD_JOBS);

    let isDone = false;
    const watching = (async () => {
      for (; !isDone; await sleep(20)) await watch();
    })();
    processes = await Promise.all(['api', 'api', 'worker', 'worker'].map((ROLE) => installation.start({ ...env, ROLE })));
    const client = earlier.at(processes[0]!.url);
    while ((await jobsLeft()) > 0 || times.length < 50) {
      const answer = await client.get('/api/deployment/list');
      times.push(answer.ms);
      statuses.add(answer.status);
      await sleep(10);
    }
    isDone = true;
    await watching;
    process.stdout.write(
      `herd: ${HERD_JOBS} jobs, at most ${mostConnections} connections of four processes and ${mostClaimed} jobs of one, ` +
        `list p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms\n`,
    );
  });

  afterAll(() => installation?.close());

  it('take no more connections than their pools allow', () => {
    expect(mostConnections).toBeGreaterThan(4);
    expect(mostConnections).toBeLessThanOrEqual(4 * CONNECTIONS_EACH);
  });

  it('claim no more jobs than they work on', () => {
    expect(mostClaimed).toBeGreaterThan(0);
    expect(mostClaimed).toBeLessThanOrEqual(AT_A_TIME);
  });

  it('finish them all while requests are answered', () => {
    expect([...statuses]).toEqual([200]);
    // The promise is 500 ms; other tests share the machine.
    expect(percentile(times, 0.99)).toBeLessThan(2_000);
    expect(processes.map(({ isAlive }) => isAlive)).toEqual([true, true, true, true]);
  });
});

describe(`${QUEUED} queued jobs, and a transaction elsewhere that keeps everything dead from being removed`, () => {
  let t: TestApp;
  let holder: Postgres;
  const claims: number[] = [];
  let before: number[] = [];
  const during: number[] = [];

  const readList = async (): Promise<number> => {
    const begun = performance.now();
    await t.as('ada').get('/api/deployment/list').expect(200);
    return performance.now() - begun;
  };

  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api' } });
    const queue = t.app.get(JobQueue, { strict: false });
    for (let n = 0; n < 50; n++) before = [...before, await readList()];
    await t.dataSource.query(`DELETE FROM jobs`);
    // The trigger that gives turns looks at every row, so one statement for all could take longer than a statement may.
    for (let left = QUEUED; left > 0; left -= QUEUED_AT_ONCE) {
      await t.dataSource.query(
        `INSERT INTO jobs (kind, key) SELECT 'deployment.reconcile', gen_random_uuid()::text FROM generate_series(1, ${QUEUED_AT_ONCE})`,
      );
    }
    await t.dataSource.query(`ANALYZE jobs`);
    holder = new Postgres({ connectionString: t.databaseUrl });
    await holder.connect();
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await holder.query('SELECT count(*) FROM jobs');
    for (let n = 0; n < BACKLOG_CLAIMS; n++) {
      const begun = performance.now();
      const jobs = await queue.claim('deployment.reconcile', AT_A_TIME, 'a-worker');
      claims.push(performance.now() - begun);
      expect(jobs).toHaveLength(AT_A_TIME);
      await Promise.all(jobs.map((job) => queue.finish(job, { kind: 'done' })));
      if (n % 8 === 0) during.push(await readList());
    }
    process.stdout.write(
      `backlog: ${BACKLOG_CLAIMS * AT_A_TIME} of ${QUEUED} jobs done, a claim of ${AT_A_TIME} took p50 ${percentile(claims, 0.5).toFixed(1)} ms, ` +
        `p99 ${percentile(claims, 0.99).toFixed(1)} ms, the last hundred p50 ${percentile(claims.slice(-100), 0.5).toFixed(1)} ms; ` +
        `list p50 ${percentile(before, 0.5).toFixed(1)} ms before and ${percentile(during, 0.5).toFixed(1)} ms meanwhile\n`,
    );
  });

  afterAll(async () => {
    await holder?.end();
    await t?.dataSource.query(`DELETE FROM jobs WHERE kind = 'deployment.reconcile'`);
    await t?.close();
  });

  it('had rows that could not be removed, or it would show nothing', async () => {
    const { rows } = await holder.query<{ seen: number }>('SELECT count(*)::int AS seen FROM jobs');
    expect(rows[0]?.seen).toBe(QUEUED);
    const [now] = await t.dataSource.query<[{ left: number }]>(`SELECT count(*)::int AS left FROM jobs`);
    expect(now.left).toBe(QUEUED - BACKLOG_CLAIMS * AT_A_TIME);
  });

  it('are claimed in milliseconds to the end', () => {
    // Flat: the last hundred take no longer than the first, which met no dead rows. 20 ms is the bound on a machine without other load.
    expect(percentile(claims.slice(-100), 0.5)).toBeLessThan(Math.max(20, 2 * percentile(claims.slice(0, 100), 0.5)));
    expect(percentile(claims, 0.99)).toBeLessThan(500); // less than 20 ms on a machine without other load
  });

  it('do not slow down those who read', () => {
    expect(percentile(during, 0.5)).toBeLessThan(percentile(before, 0.5) * 4 + 20);
  });
});
