import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Answer } from '../support/client';
import { CrashDatabase } from '../support/crash-database';
import { deploy, untilHealthy } from '../support/deployments-under-test';
import { openDataSource } from '../support/open-data-source';
import { aNode } from '../support/rows';
import { until } from '../support/until';
import { CrashFleet, VICTIMS } from './crash-fleet';

/** More of them before a release: `FAULT_ROUNDS=100 npx jest test/faults/rollout-crash`. */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? '4');
const DEPLOYMENTS = 6;
const REPLICAS = 3;
/**
 * In each round but the last, half of the deployments get an image that no engine starts, so that every process is killed on ways back
 * too: by turns, so that what goes back is superseded by what goes forward and the other way round.
 */
const imageOf = (round: number, index: number): string =>
  round < ROUNDS - 1 && (round + index) % 2 === 0 ? `simulated/rejected:${round}` : `nginx:1.${28 + round}`;

interface Seen {
  fewest: number;
  most: number;
}

const COUNTS = `
  SELECT deployment_id AS id, count(*) FILTER (WHERE status = 'running')::int AS running,
         count(*) FILTER (WHERE status IN ('pending', 'starting', 'running'))::int AS live
    FROM deployment_replicas GROUP BY 1`;

describe(`the API, the worker, PostgreSQL, or all of them killed ${ROUNDS} times during rollouts`, () => {
  let server: CrashDatabase;
  let dataSource: DataSource;
  let fleet: CrashFleet;
  let ids: string[];
  const seen: Seen = { fewest: Infinity, most: 0 };
  let watching = true;

  /** Looks at the records all the time; while the database is down there is nothing to see. */
  async function watch(): Promise<void> {
    while (watching) {
      const rows = await dataSource.query<{ id: string; running: number; live: number }[]>(COUNTS).catch(() => []);
      for (const { running, live } of rows) {
        seen.fewest = Math.min(seen.fewest, running);
        seen.most = Math.max(seen.most, live);
      }
      await sleep(5);
    }
  }

  /** Repeats the request under its key until it is answered, as clients are told to. */
  async function patch(id: string, image: string): Promise<void> {
    const key = randomUUID();
    const ask = (): Promise<Answer | null> =>
      fleet.client.patch(`/api/deployment/${id}`, { container_image: image }, { key, timeoutMs: 5_000 }).catch(() => null);
    const answer = await until(
      async () => {
        const given = await ask();
        // 409 while the key belongs to the request that died.
        return given === null || [409, 500, 503].includes(given.status) ? null : given;
      },
      { what: 'a PATCH to be answered' },
    );
    expect([answer.status, answer.body]).toMatchObject([202, { success: true }]);
  }

  beforeAll(
    async () => {
      server = await CrashDatabase.start({});
      fleet = await CrashFleet.start(server, server.url);
      dataSource = await openDataSource(server.url, 2);
      for (let n = 0; n < 3; n++) await aNode(dataSource, { cpu_cores: 500, memory_mb: 1_000_000, storage_gb: 10_000 });
      const wish = { replicas: REPLICAS, rollout: { min_healthy_seconds: 0 } };
      ids = await Promise.all(Array.from({ length: DEPLOYMENTS }, (_, n) => deploy(fleet.client, `app-${n}`, wish)));
      for (const id of ids) await untilHealthy(fleet.client, id);
      const watched = watch();
      for (let round = 0; round < ROUNDS; round++) {
        await Promise.all(ids.map((id, index) => patch(id, imageOf(round, index))));
        await sleep(Math.random() * 600);
        await fleet.kill(VICTIMS[round % VICTIMS.length]!);
      }
      const isFinished = async (): Promise<boolean> =>
        (await dataSource.query<unknown[]>(`SELECT 1 FROM deployment_rollouts WHERE finished_at IS NULL`)).length === 0;
      await until(isFinished, { timeoutMs: 120_000, what: 'every rollout to be finished' });
      for (const id of ids) await untilHealthy(fleet.client, id);
      watching = false;
      await watched;
    },
    240_000 + ROUNDS * 60_000,
  );

  afterAll(async () => {
    watching = false;
    await fleet?.stop();
    await dataSource?.destroy();
    await server?.remove();
  });

  it('never let fewer replicas run than wanted, and never placed more than one beyond that', () => {
    expect(seen).toEqual({ fewest: REPLICAS, most: REPLICAS + 1 });
  });

  it('has every revision that was acknowledged, and has rolled out the last of them to the end', async () => {
    const revisions = await dataSource.query<{ id: string; current_revision: number; count: number }[]>(
      `SELECT d.id, d.current_revision, (SELECT count(*)::int FROM deployment_revisions WHERE deployment_id = d.id) AS count
         FROM deployments AS d`,
    );
    expect(revisions.map((each) => [each.current_revision, each.count])).toEqual(ids.map(() => [ROUNDS + 1, ROUNDS + 1]));
    const live = await dataSource.query<{ revision: number; count: number }[]>(
      `SELECT revision, count(*)::int AS count FROM deployment_replicas WHERE status = 'running' GROUP BY 1`,
    );
    expect(live).toEqual([{ revision: ROUNDS + 1, count: DEPLOYMENTS * REPLICAS }]);
  });

  it('went back from every revision that cannot start, and from no other', async () => {
    const ends = await dataSource.query<{ broken: boolean; state: string }[]>(
      `SELECT DISTINCT v.spec->>'image' LIKE 'simulated/%' AS broken, o.state
         FROM deployment_rollouts AS o JOIN deployment_revisions AS v ON v.deployment_id = o.deployment_id AND v.number = o.revision`,
    );
    const statesOf = (broken: boolean): string[] => ends.filter((each) => each.broken === broken).map(({ state }) => state);
    expect(['rolled_back', 'superseded']).toEqual(expect.arrayContaining(statesOf(true)));
    expect(['completed', 'superseded']).toEqual(expect.arrayContaining(statesOf(false)));
    if (ROUNDS > 1) expect(statesOf(true)).toContain('rolled_back');
  });

  it('left no container of an earlier revision, and nothing reserved for one', async () => {
    const wanted = DEPLOYMENTS * REPLICAS;
    const count = async (sql: string): Promise<number> => (await dataSource.query<{ count: number }[]>(sql))[0]!.count;
    const workloads = `SELECT count(*)::int FROM simulated_workloads WHERE gone_at IS NULL OR gone_at > clock_timestamp()`;
    await until(async () => (await count(workloads)) === wanted, { what: 'the old containers to be gone' });
    const open = `SELECT count(*)::int FROM reservations WHERE released_at IS NULL`;
    await until(async () => (await count(open)) === wanted, { what: 'their reservations to be released' });
    expect(await checkInvariants(dataSource, { graceSeconds: 0 })).toEqual([]);
  });
});
