import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Answer } from '../support/client';
import { CrashDatabase } from '../support/crash-database';
import { openDataSource } from '../support/open-data-source';
import { aNode } from '../support/rows';
import { until } from '../support/until';
import { CrashFleet, VICTIMS } from './crash-fleet';

/** More of them before a release: `FAULT_ROUNDS=100 npx jest test/faults/bulk-deploy-crash`. */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? '4');
const SIZE = 60;

describe(`the API, the worker, PostgreSQL, or all of them killed ${ROUNDS} times during bulk deploys`, () => {
  let server: CrashDatabase;
  let dataSource: DataSource;
  let fleet: CrashFleet;

  beforeAll(async () => {
    server = await CrashDatabase.start({});
    fleet = await CrashFleet.start(server, server.url);
    dataSource = await openDataSource(server.url, 2);
    for (let n = 0; n < 3; n++) await aNode(dataSource, { cpu_cores: 5_000, memory_mb: 10_000_000, storage_gb: 100_000 });
  });
  afterAll(async () => {
    await fleet?.stop();
    await dataSource?.destroy();
    await server?.remove();
  });

  const madeOf = async (round: number): Promise<number> => {
    const sql = `SELECT count(*)::int AS count FROM deployments WHERE name LIKE $1`;
    return (await dataSource.query<{ count: number }[]>(sql, [`round-${round}-%`]))[0]!.count;
  };

  it(
    'leave all of what was asked for or nothing, and what was acknowledged is there, once',
    async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const deployments = Array.from({ length: SIZE }, (_, n) => ({
          ...{ name: `round-${round}-${n}`, type: 'compute', container_image: 'nginx:1.27' },
          resources: { cpu: 0.5, memory: 512, storage: 1 },
        }));
        const key = randomUUID();
        const ask = (): Promise<Answer | null> =>
          fleet.client
            .post('/api/deployment/bulk-deploy', { deployments, all_or_nothing: round % 2 === 0 }, { key, timeoutMs: 10_000 })
            .catch(() => null);
        const asked = ask();
        await sleep(Math.random() * 120);
        await fleet.kill(VICTIMS[round % VICTIMS.length]!);
        const first = await asked;
        const before = await until(async () => madeOf(round).then((count) => ({ count })), { what: 'the database to answer' });
        expect([0, SIZE]).toContain(before.count);
        if (first?.status === 200) expect(before.count).toBe(SIZE);
        // 409 while the key belongs to the request that died.
        const answer = await until(
          async () => {
            const given = await ask();
            return given === null || [409, 500, 503].includes(given.status) ? null : given;
          },
          { what: 'a bulk deploy to be answered' },
        );
        expect([answer.status, answer.body]).toMatchObject([200, { created: SIZE, refused: 0 }]);
        expect(await madeOf(round)).toBe(SIZE);
      }
      const running = `SELECT count(*)::int AS count FROM deployments WHERE status = 'running'`;
      const all = async (): Promise<boolean> => (await dataSource.query<{ count: number }[]>(running))[0]!.count === ROUNDS * SIZE;
      await until(all, { timeoutMs: 120_000, what: 'all of them to run' });
      expect(await checkInvariants(dataSource, { graceSeconds: 30 })).toEqual([]);
    },
    60_000 + ROUNDS * 30_000,
  );
});
