import { setTimeout as sleep } from 'node:timers/promises';
import { checkInvariants } from '../../src/invariants/check-invariants';
import { ApplicationPair, inLanes, WITHOUT_GUARD, withoutLock, withoutLockAndConditions } from '../support/application-pair';
import type { Answer } from '../support/client';
import { expectGone, finishTeardowns } from '../support/deployments';
import { deploy, remove } from '../support/deployments-under-test';
import { until } from '../support/until';

/** More of them before a release: `RACE_ROUNDS=10000 npx jest test/faults/delete-races`. */
const ROUNDS = Number(process.env.RACE_ROUNDS ?? '40');
const CONTROL_ROUNDS = 24;
const LANES = 4;
const SHARED_NODES = 20;
const LONG = 60_000 + ROUNDS * 300;

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_unused, index) => make(index));
const count = <T>(items: readonly T[], holds: (item: T) => boolean): number => items.filter(holds).length;
const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);

interface Left {
  readonly status: string;
  readonly live: number;
  readonly deletions: number;
  readonly jobs: number;
}

/** What the database says of a deployment after its race. */
async function leftOf({ dataSource }: ApplicationPair, id: string): Promise<Left> {
  const [row] = await dataSource.query<[Left]>(
    `SELECT status,
            (SELECT count(*)::int FROM deployment_replicas WHERE deployment_id = d.id AND status IN ('pending', 'starting', 'running')) AS live,
            (SELECT count(*)::int FROM deployment_status_history WHERE deployment_id = d.id AND new_status = 'deleted') AS deletions,
            (SELECT count(*)::int FROM jobs WHERE kind = 'deployment.reconcile' AND key = d.id::text) AS jobs
       FROM deployments AS d WHERE id = $1`,
    [id],
  );
  return row;
}

/** Waits until no job of a deployment is running or due, so that nothing can still change. */
const untilIdle = ({ dataSource }: ApplicationPair): Promise<unknown> =>
  until(
    async () => {
      const left = `SELECT 1 FROM jobs WHERE kind = 'deployment.reconcile' AND (claim IS NOT NULL OR due_at <= now())`;
      return (await dataSource.query<unknown[]>(left)).length === 0;
    },
    { timeoutMs: 30_000, what: 'the workers to have nothing to do' },
  );

const isBack = ({ status, live }: Left): boolean => status !== 'deleted' || live > 0;

/** k = 2, 4, 8 and 16 in turns. */
const raceDeletes = (pair: ApplicationPair, rounds: number): Promise<{ answers: Answer[]; left: Left }[]> =>
  inLanes(rounds, LANES, async (round) => {
    const id = await pair.deploymentWith(['running', 'pending']);
    const answers = await Promise.all(times(2 ** (1 + (round % 4)), (n) => remove(pair.client(n), id, '?wait=0')));
    return { answers, left: await leftOf(pair, id) };
  });
const winners = ({ answers }: { answers: readonly Answer[] }): number => count(answers, ({ status }) => status === 202);

const raceScaleUps = (pair: ApplicationPair, rounds: number): Promise<{ scaled: Answer[]; deleted: Answer; left: Left }[]> =>
  inLanes(rounds, LANES, async (round) => {
    const id = await pair.deploymentWith(['running']);
    const scale = (n: number): Promise<Answer> => pair.client(n).post(`/api/deployment/scale/${id}`, { replicas: 3 + n });
    const deleting = (): Promise<Answer> => remove(pair.client(round), id, '?wait=0');
    const first = round % 3 === 0 ? deleting() : null;
    const early = times(2, scale);
    const second = first ?? deleting();
    const scaled = await Promise.all([...early, ...times(2, (n) => scale(n + 2))]);
    return { scaled, deleted: await second, left: await leftOf(pair, id) };
  });

/** One application deploys and the other one deletes, while both place, start and report. */
const raceWork = (pair: ApplicationPair, rounds: number, query: string): Promise<{ id: string; deleted: Answer }[]> =>
  inLanes(rounds, LANES, async (round) => {
    const id = await deploy(pair.client(round), `work-${String(round)}`, { replicas: 3 });
    if (round % 3 === 1) await sleep(Math.random() * 100);
    if (round % 3 === 2) await until(async () => (await leftOf(pair, id)).status === 'running', { everyMs: 5 });
    return { id, deleted: await remove(pair.client(round + 1), id, query) };
  });

const deleteOnSharedNodes = async (pair: ApplicationPair, deletes: number): Promise<Answer[]> => {
  const ids = await inLanes(deletes, 8, () =>
    pair.deploymentWith(
      times(6, () => 'pending'),
      shuffled(pair.nodeIds),
    ),
  );
  return inLanes(deletes, 16, (n) => remove(pair.client(n), ids[n]!, '?wait=0'));
};

/** Locks nodes one by one, as they come, as the first draft did. A deadlock is detected at once, to save time. */
const NODES_AS_THEY_COME = [
  `CREATE OR REPLACE FUNCTION count_reservations() RETURNS trigger LANGUAGE plpgsql AS $$
   DECLARE c record;
   BEGIN
     FOR c IN SELECT node_id, cpu_cores, memory_mb, gpu_units, storage_gb FROM changed ORDER BY random() LOOP
       UPDATE nodes SET reserved_cpu_cores  = reserved_cpu_cores  + TG_ARGV[0]::int * c.cpu_cores,
                        reserved_memory_mb  = reserved_memory_mb  + TG_ARGV[0]::int * c.memory_mb,
                        reserved_gpu_units  = reserved_gpu_units  + TG_ARGV[0]::int * c.gpu_units,
                        reserved_storage_gb = reserved_storage_gb + TG_ARGV[0]::int * c.storage_gb WHERE id = c.node_id;
     END LOOP;
     RETURN NULL;
   END $$`,
  `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''20ms''', current_database()); END $$`,
];

const startPair = (options: Parameters<typeof ApplicationPair.start>[0], use: (pair: ApplicationPair) => Promise<void>) => async () => {
  const pair = await ApplicationPair.start(options);
  try {
    await use(pair);
  } finally {
    await pair.stop();
    await pair.drop();
  }
};
const API = { ROLE: 'api' };

describe(`${String(ROUNDS)} races through two applications on one database`, () => {
  it(
    'of 2, 4, 8 and 16 deletes: one winner each, the others told when it was, one history row, one job',
    startPair({ env: API }, async (pair) => {
      for (const { answers, left } of await raceDeletes(pair, ROUNDS)) {
        expect(answers.map(({ status }) => status).sort()).toEqual([202, ...times(answers.length - 1, () => 409)]);
        expect(new Set(answers.map(({ body }) => (body as { deleted_at: string }).deleted_at)).size).toBe(1);
        expect(left).toEqual({ status: 'deleted', live: 0, deletions: 1, jobs: 1 });
      }
      await finishTeardowns(pair.dataSource);
      expect(await checkInvariants(pair.dataSource, { graceSeconds: 0 })).toEqual([]);
    }),
    LONG,
  );

  it(
    'of a delete and four scale-ups: each is before or after, and nothing is left alive',
    startPair({ env: API }, async (pair) => {
      const races = await raceScaleUps(pair, ROUNDS);
      for (const { scaled, deleted, left } of races) {
        expect(deleted.status).toBe(202);
        expect(scaled.map(({ status }) => status).filter((status) => status !== 200 && status !== 400)).toEqual([]);
        expect(left).toEqual({ status: 'deleted', live: 0, deletions: 1, jobs: 1 });
      }
      // Unless some scale-ups came before and some after, these were no races.
      const all = races.flatMap(({ scaled }) => scaled.map(({ status }) => status));
      expect(new Set(all)).toEqual(new Set([200, 400]));
      await finishTeardowns(pair.dataSource);
      expect(await checkInvariants(pair.dataSource, { graceSeconds: 0 })).toEqual([]);
    }),
    LONG,
  );

  it(
    'of a delete with placement, start and reports: nothing is left alive, and nothing comes back',
    startPair({}, async (pair) => {
      const races = await raceWork(pair, ROUNDS, '?wait=20');
      for (const { id, deleted } of races) {
        expect([id, deleted.status]).toEqual([id, 200]);
        await expectGone(pair.dataSource, id, { timeoutMs: 1_000 });
      }
      await sleep(300); // time for one that comes back late
      for (const { id } of races) expect(isBack(await leftOf(pair, id))).toBe(false);
      // Unless the deletes came at several stages, these were no races.
      const met = await pair.dataSource.query<unknown[]>(
        `SELECT DISTINCT old_status FROM deployment_status_history WHERE new_status = 'deleted'`,
      );
      expect(met.length).toBeGreaterThan(1);
      await pair.stop();
      expect(await checkInvariants(pair.dataSource, { graceSeconds: 0 })).toEqual([]);
      expect(await pair.deadlocks()).toBe(0);
    }),
    LONG,
  );

  it(
    'of deletes that release capacity on the same twenty nodes: no deadlock, and every counter back at zero',
    startPair({ env: API, nodes: SHARED_NODES }, async (pair) => {
      const answers = await deleteOnSharedNodes(pair, ROUNDS);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      const held = await pair.dataSource.query<unknown[]>(
        `SELECT id FROM nodes WHERE (reserved_cpu_cores, reserved_memory_mb, reserved_storage_gb) <> (0, 0, 0)`,
      );
      expect(held).toEqual([]);
      await pair.stop();
      expect(await pair.deadlocks()).toBe(0);
    }),
    LONG,
  );
});

describe('the same races without what makes them safe', () => {
  it(
    'no lock: the condition of the UPDATE still lets one win, but the others are not told why',
    startPair({ env: API, rewrite: withoutLock }, async (pair) => {
      const races = await raceDeletes(pair, CONTROL_ROUNDS);
      expect(count(races, (race) => winners(race) !== 1)).toBe(0);
      expect(count(races, ({ answers }) => answers.some(({ status }) => status === 500))).toBeGreaterThan(0);
    }),
  );

  it(
    'neither lock nor conditions nor guard: several deletes win, and scale-ups bring the deployment back',
    startPair({ env: API, rewrite: withoutLockAndConditions, sabotage: WITHOUT_GUARD }, async (pair) => {
      const deletes = await raceDeletes(pair, CONTROL_ROUNDS);
      const scaleUps = await raceScaleUps(pair, CONTROL_ROUNDS);
      expect(count(deletes, (race) => winners(race) !== 1)).toBeGreaterThan(0);
      expect(count(scaleUps, ({ left }) => isBack(left))).toBeGreaterThan(0);
      report('without lock, conditions and guard', {
        'deletes with several winners': count(deletes, (race) => winners(race) !== 1),
        'deployments back after a scale-up': count(scaleUps, ({ left }) => isBack(left)),
      });
    }),
  );

  it(
    'neither lock nor conditions nor guard: a placement or report that comes late brings the deployment back',
    startPair({ rewrite: withoutLockAndConditions, sabotage: WITHOUT_GUARD }, async (pair) => {
      const races = await raceWork(pair, CONTROL_ROUNDS * 2, '?wait=0');
      await untilIdle(pair);
      const left = await Promise.all(races.map(({ id }) => leftOf(pair, id)));
      expect(count(left, isBack)).toBeGreaterThan(0);
      report('workers without lock, conditions and guard, twice', { 'deployments back': count(left, isBack) });
    }),
  );

  it(
    'nodes in any order: deadlocks',
    startPair({ env: API, nodes: SHARED_NODES, sabotage: NODES_AS_THEY_COME }, async (pair) => {
      await deleteOnSharedNodes(pair, CONTROL_ROUNDS * 2);
      await pair.stop();
      const deadlocks = await pair.deadlocks();
      expect(deadlocks).toBeGreaterThan(0);
      report('nodes in any order', { deadlocks });
    }),
  );
});

/** Figures of the long runs, for docs/reliability.md. */
function report(what: string, figures: Record<string, number>): void {
  if (process.env.RACE_ROUNDS) process.stdout.write(`${what} (${String(CONTROL_ROUNDS)} rounds): ${JSON.stringify(figures)}\n`);
}
