import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { PubSub } from '../../src/database/pub-sub';
import { JobQueue, LEASE_SECONDS } from '../../src/jobs/job-queue';
import { bringBack, BRING_BACK_REPLICAS, TIMES_AHEAD } from '../../src/worker/times-ahead';
import { stepClock, timeColumns } from '../support/clock-step';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aNode, aPlacedReplica, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const DAY = 86_400;

/** Times that the step back of the clock brings back elsewhere: with jobs, nodes, deliveries, deployments and turns of pulls. */
const ELSEWHERE = [
  'deliveries.next_attempt_at',
  'deployment_replicas.changed_at',
  'deployment_replicas.running_at',
  'deployment_replicas.started_at',
  'deployment_replicas.warm_until',
  'deployment_rollouts.deadline_at',
  'deployment_rollouts.started_at',
  'image_pulls.lease_until',
  'jobs.due_at',
  'jobs.lease_until',
  'nodes.last_heartbeat',
];

/**
 * Names of times for which nothing waits: they are shown, or compared so that one in the future only makes something last longer by
 * the step (retention, sessions, brakes, codes), or belong to the clock of an engine.
 */
const FACTS = [
  ...['added_at', 'asked_at', 'at', 'began_at', 'confirmed_at', 'completed_at', 'created_at', 'decided_at', 'deleted_at', 'ended_at'],
  ...['engine_started_at', 'exits_at', 'expires_at', 'failed_at', 'failing_since', 'finished_at', 'first_seen_at', 'force_released_at'],
  ...['give_up_at', 'gone_at', 'join_expires_at', 'joined_at', 'kept_at', 'last_attempt_at', 'last_used_at', 'made_at', 'noted_at'],
  ...['occurred_at', 'paused_at', 'previous_secret_until', 'published_at', 'purge_at', 'purged_at', 'ready_at', 'registered_at'],
  ...[
    'released_at',
    'removed_at',
    'removing_since',
    'reported_at',
    'reserved_at',
    'restored_at',
    'resume_run_at',
    'revoked_at',
    'sealed_at',
  ],
  ...['sent_at', 'silence_told_at', 'since', 'stepped_at', 'stop_retry_at', 'stopped_at', 'superseded_at', 'suspended_at'],
  ...['suspended_run_at', 'updated_at', 'used_at'],
];
const FACTS_OF_TABLES = [
  ...['clock_watch.seen_at', 'deletions.warm_until', 'deployment_status_history.changed_at', 'known_addresses.seen_at'],
  ...['router_watch.beat_at', 'router_watch.sound_at', 'simulated_workloads.started_at'],
];

describe('the clock of the database that was set back by a day', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let pubSub: PubSub;
  let queue: JobQueue;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 3);
    pubSub = new PubSub(dataSource);
    queue = new JobQueue(dataSource, pubSub);
  });
  afterAll(async () => {
    await pubSub?.onApplicationShutdown();
    await dataSource?.destroy();
    await database?.drop();
  });

  it('is known to concern every stored time, or not', async () => {
    const known = [...ELSEWHERE, ...FACTS_OF_TABLES, ...TIMES_AHEAD.map(({ table, column }) => `${table}.${column}`)];
    const columns = (await timeColumns(dataSource)).filter(({ column }) => !FACTS.includes(column));
    expect(columns.map(({ table, column }) => `${table}.${column}`)).toEqual(known.sort());
  });

  it.each(TIMES_AHEAD)('finds the key of $table, and brings $column back', async (time) => {
    const [, count] = await dataSource.query<[unknown[], number]>(bringBack(time));
    expect(count).toBe(0);
    const [key] = await dataSource.query<[{ names: string }]>(
      `SELECT string_agg(a.attname, ', ' ORDER BY k.place) AS names
         FROM pg_constraint AS c CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)
         JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
        WHERE c.conrelid = $1::regclass AND c.contype = 'p'`,
      [time.table],
    );
    expect(key.names).toBe(time.key);
  });

  it('brings back what a replica has been through, and what it has not been through stays so', async () => {
    const node = await aNode(dataSource);
    const deploymentId = await aDeployment(dataSource, { user_id: await aUser(dataSource), target_replicas: 2 });
    const replica = { deployment_id: deploymentId, node_id: node };
    const fresh = await aPlacedReplica(dataSource, { ...replica, status: 'pending' });
    const ran = await aPlacedReplica(dataSource, { ...replica, status: 'running' });
    const times = `changed_at = now() + interval '1 hour'`;
    await dataSource.query(`UPDATE deployment_replicas SET ${times}, started_at = NULL, running_at = NULL WHERE id = $1`, [fresh]);
    await dataSource.query(`UPDATE deployment_replicas SET ${times}, started_at = now() + interval '1 hour' WHERE id = $1`, [ran]);
    await dataSource.query(BRING_BACK_REPLICAS, [[deploymentId]]);
    const rows = await dataSource.query<unknown[]>(
      `SELECT id, changed_at <= clock_timestamp() AS changed, started_at <= clock_timestamp() AS started, running_at AS "runningAt",
              warm_until AS "warmUntil"
         FROM deployment_replicas WHERE id = ANY($1::uuid[]) ORDER BY started_at NULLS FIRST`,
      [[fresh, ran]],
    );
    expect(rows).toMatchObject([
      { id: fresh, changed: true, started: null, runningAt: null, warmUntil: null },
      { id: ran, changed: true, started: true, warmUntil: null },
    ]);
  });

  it('leaves no job with a worker that died at that moment', async () => {
    const key = await aDeployment(dataSource, { user_id: await aUser(dataSource) });
    await queue.enqueueNow([{ kind: 'deployment.reconcile', key }]);
    const claim = (): Promise<unknown[]> => queue.claim('deployment.reconcile', 5, `worker:${randomUUID()}`);
    expect(await claim()).toHaveLength(1);
    await stepClock(dataSource, -DAY);
    expect(await claim()).toEqual([]);
    await queue.bringForward('deployment.reconcile', 1_000);
    const [job] = await dataSource.query<[{ due: boolean; leased: number }]>(
      `SELECT due_at <= now() AS due, extract(epoch FROM lease_until - now())::float8 AS leased FROM jobs WHERE key = $1`,
      [key],
    );
    expect(job.due).toBe(true);
    expect(job.leased).toBeLessThanOrEqual(LEASE_SECONDS);
    await stepClock(dataSource, LEASE_SECONDS + 1);
    expect(await claim()).toMatchObject([{ key }]);
  });
});
