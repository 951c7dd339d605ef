import type { DataSource } from 'typeorm';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { deploy, inStatus, statusOf, untilHealthy } from '../support/deployments-under-test';
import { Installation } from '../support/installation';
import { adminOf, type ProcessUnderTest } from '../support/process-under-test';
import { until } from '../support/until';
import { Balancer } from './balancer';
import { doneTooOften, lostPromises } from './crash-ledger';
import { CrashLoad } from './crash-load';

const ROLES = ['api', 'api', 'worker', 'worker'] as const;
/** Twice before a release: `ROLLING_TURNS=2 npx jest test/faults/rolling-restart`. */
const TURNS = Number(process.env.ROLLING_TURNS ?? '1');
const STANDING = 5;
const REPLICAS = 3;

describe(`every process ended and replaced under load, one after the other, ${TURNS} times`, () => {
  let installation: Installation;
  let dataSource: DataSource;
  let processes: ProcessUnderTest[] = [];
  let clients: Client[] = [];
  let load: CrashLoad;
  let ids: string[] = [];
  const codes: (number | null)[] = [];
  const live: number[] = [];

  const liveStanding = async (): Promise<number> => {
    const [row] = await dataSource.query<[{ count: number }]>(
      `SELECT count(*)::int AS count FROM deployment_replicas AS r
         JOIN simulated_workloads AS w ON w.replica_id = r.id AND (w.gone_at IS NULL OR w.gone_at > clock_timestamp())
        WHERE r.status = 'running' AND r.deployment_id = ANY($1::uuid[])`,
      [ids],
    );
    return row.count;
  };

  beforeAll(async () => {
    installation = await Installation.create();
    ({ dataSource } = installation);
    processes = await Promise.all(ROLES.map((ROLE) => installation.start({ ROLE })));
    const admin = await adminOf(processes[0]!);
    clients = processes.map(({ url }) => admin.at(url));
    ids = await Promise.all(Array.from({ length: STANDING }, (_u, n) => deploy(admin, `standing-${n}`, { replicas: REPLICAS })));
    for (const id of ids) await untilHealthy(admin, id);

    const balancer = new Balancer(() => [0, 1].map((n) => [processes[n]!, clients[n]!] as const));
    await balancer.look();
    load = new CrashLoad(() => balancer.client);
    const looking = balancer.run();
    const work = load.run(4);
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [n, ROLE] of ROLES.entries()) {
        const enough = load.figures.acknowledged + 15;
        await until(() => load.figures.acknowledged >= enough, { timeoutMs: 60_000, what: 'work' });
        const ending = processes[n]!.kill('SIGTERM');
        // The balancer has 300 ms to notice, and its next look may come late on a busy machine.
        await balancer.look();
        codes.push((await ending).code);
        live.push(await liveStanding());
        processes[n] = await installation.start({ ROLE });
        clients[n] = admin.at(processes[n].url);
      }
    }
    load.stop();
    await work;
    balancer.stop();
    await looking;
    process.stdout.write(`rolling restart: ${ROLES.length * TURNS} processes replaced, ${JSON.stringify(load.figures)}\n`);
  });

  afterAll(() => installation?.close());

  it('ended each cleanly', () => {
    expect(codes).toEqual(Array.from({ length: ROLES.length * TURNS }, () => 0));
  });

  it('cut off no request, and refused none', () => {
    expect(load.figures.unanswered).toBe(0);
    expect(load.wrong).toEqual([]);
    expect(Object.keys(load.figures.byStatus).filter((what) => / 5\d\d$/.test(what))).toEqual([]);
  });

  it('left what was running alone', async () => {
    expect(live).toEqual(live.map(() => STANDING * REPLICAS));
    for (const id of ids) {
      const view = await statusOf(clients[0]!, id);
      expect(inStatus(view, 'running')).toHaveLength(REPLICAS);
      expect(view.replicas).toHaveLength(REPLICAS);
    }
  });

  it('lost nothing and did nothing twice', async () => {
    expect(await lostPromises(dataSource, load.ledger)).toEqual([]);
    expect((await doneTooOften(dataSource, load.ledger)).filter((words) => !words.startsWith('standing-'))).toEqual([]);
    expect(await checkInvariants(dataSource, { graceSeconds: 15 })).toEqual([]);
  });
});
