import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { checkInvariants } from '../../src/invariants/check-invariants';
import { CrashDatabase } from '../support/crash-database';
import { inStatus, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { openDataSource } from '../support/open-data-source';
import { aNode } from '../support/rows';
import { until } from '../support/until';
import { CrashFleet, VICTIMS } from './crash-fleet';
import { doneTooOften, lostPromises } from './crash-ledger';
import { CrashLoad } from './crash-load';

/** More of them before a release: `FAULT_ROUNDS=100 npx jest test/faults/crash`. */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? '4');
const CONTROL_ROUNDS = Math.max(1, Math.round(ROUNDS / 10));
const LOOPS = 6;

/** Nothing writes the log in the background, so only the commits do. The run and its control differ in one setting. */
const NO_HELP = {
  wal_writer_delay: '10s',
  wal_writer_flush_after: '1GB',
  wal_buffers: '64MB',
  bgwriter_lru_maxpages: '0',
};
const NOT_DURABLE = { ...NO_HELP, synchronous_commit: 'off' };

const WORKLOADS = `SELECT replica_id AS id FROM simulated_workloads WHERE gone_at IS NULL OR gone_at > clock_timestamp()`;

/** Waits for an amount of work and not for a time, so that a process on a slow machine has done something before it is killed. */
async function untilBusy(load: CrashLoad): Promise<void> {
  const enough = load.figures.acknowledged + 20 + Math.random() * 40;
  await until(() => load.figures.acknowledged >= enough, { timeoutMs: 60_000, everyMs: 5, what: `${enough} acknowledgements` });
}

/** Adds nodes, because the teardowns of a killed worker hold their places until its lease ends. */
async function addRoom(dataSource: DataSource): Promise<void> {
  for (let n = 0; n < 3; n++) await aNode(dataSource, { cpu_cores: 500, memory_mb: 1_000_000, storage_gb: 10_000 });
}

describe(`the API, the worker, PostgreSQL, or all of them killed ${ROUNDS} times under load`, () => {
  let server: CrashDatabase;
  let dataSource: DataSource;
  let fleet: CrashFleet;
  let load: CrashLoad;

  beforeAll(
    async () => {
      server = await CrashDatabase.start(NO_HELP);
      fleet = await CrashFleet.start(server, server.url);
      dataSource = await openDataSource(server.url, 2);
      await addRoom(dataSource);
      load = new CrashLoad(() => fleet.client);
      const work = load.run(LOOPS);
      for (let round = 0; round < ROUNDS; round++) {
        await untilBusy(load);
        await sleep(Math.random() * 100);
        await fleet.kill(VICTIMS[round % VICTIMS.length]!);
      }
      await untilBusy(load);
      load.stop();
      await work;
      process.stdout.write(`crash test: kills ${JSON.stringify(fleet.kills)}, ${JSON.stringify(load.figures)}\n`);
    },
    120_000 + ROUNDS * 60_000,
  );

  afterAll(async () => {
    await fleet?.stop();
    await dataSource?.destroy();
    await server?.remove();
  });

  const promised = (deleted: boolean) => [...load.ledger.values()].filter((deployment) => deployment.deleted === deleted);

  it('had requests in flight when it was killed, or it would show nothing', () => {
    expect(load.figures.unanswered).toBeGreaterThan(0);
    expect(load.figures.toldToRetry).toBeGreaterThan(0);
    expect(promised(true).length).toBeGreaterThan(ROUNDS);
  });

  it('answered every repeated request with a success', () => {
    expect(load.wrong).toEqual([]);
    expect(fleet.survivors).toEqual(['api', 'worker']);
  });

  it('has everything that was acknowledged, and did nothing twice or unasked', async () => {
    expect(await lostPromises(dataSource, load.ledger)).toEqual([]);
    expect(await doneTooOften(dataSource, load.ledger)).toEqual([]);
  });

  it('brings every acknowledged deployment to run with the replicas that were acknowledged last', async () => {
    for (const { id, replicas } of promised(false)) {
      const view = await untilHealthy(fleet.client, id, 40_000);
      expect(view.target_replicas).toBe(replicas);
      expect(inStatus(view, 'running')).toHaveLength(replicas);
    }
  });

  it(
    'brings every acknowledged deletion to its end, with everything stopped and released',
    async () => {
      for (const { id } of promised(true)) {
        const view = await untilNoWork(fleet.client, id, 40_000);
        expect(view.status).toBe('deleted');
        expect(view.replicas.filter(({ status }) => status !== 'stopped' && status !== 'failed')).toEqual([]);
      }
      const open = await dataSource.query<unknown[]>(
        `SELECT v.* FROM reservations AS v JOIN deployments AS d ON d.id = v.deployment_id WHERE v.released_at IS NULL AND d.status = 'deleted'`,
      );
      expect(open).toEqual([]);
    },
    120_000 + ROUNDS * 5_000,
  );

  it('left no container that nobody stands for, and started none twice', async () => {
    const expected = await dataSource.query<{ id: string }[]>(`SELECT id FROM deployment_replicas WHERE status = 'running'`);
    const ids = (rows: { id: string }[]): string[] => rows.map(({ id }) => id).sort();
    await until(async () => (await dataSource.query<unknown[]>(WORKLOADS)).length === expected.length, {
      what: 'the sync of the nodes',
    });
    expect(ids(await dataSource.query<{ id: string }[]>(WORKLOADS))).toEqual(ids(expected));
  });

  it('kept every invariant, without any grace', async () => {
    expect(await checkInvariants(dataSource, { graceSeconds: 0 })).toEqual([]);
  });

  it(
    'is a test that can fail: the same kill with synchronous_commit=off loses what was acknowledged',
    async () => {
      await fleet.stop();
      server.crash();
      await server.restart(NOT_DURABLE);
      const url = await server.create('not_durable');
      fleet = await CrashFleet.start(server, url);
      const own = await openDataSource(url, 2);
      let acknowledged = 0;
      let lost = 0;
      try {
        await addRoom(own);
        for (let round = 0; round < CONTROL_ROUNDS; round++) {
          await server.query('CHECKPOINT');
          const control = new CrashLoad(() => fleet.client, `control-${round}`);
          const work = control.run(LOOPS);
          await untilBusy(control);
          server.crash();
          control.stop();
          await server.restart();
          await work;
          acknowledged += control.figures.acknowledged;
          lost += (await lostPromises(own, control.ledger)).length;
        }
      } finally {
        await own.destroy();
      }
      process.stdout.write(`crash control: ${CONTROL_ROUNDS} kills, ${lost} deployments of ${acknowledged} acknowledged operations lost\n`);
      expect(lost).toBeGreaterThan(0);
    },
    120_000 + CONTROL_ROUNDS * 60_000,
  );
});
