import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { Installation } from '../support/installation';
import { adminOf, type ProcessUnderTest } from '../support/process-under-test';
import { until } from '../support/until';

/** The promise is 35 s. The lease is 15 s, and the machine of a test may be slow. */
const TAKEOVER_MS = 35_000;
const DEPLOYMENTS = 12;

interface Work {
  readonly pid: number;
  readonly count: number;
}

const CLAIMED = `
  SELECT split_part(claimed_by, ':', 2)::int AS pid, count(*)::int AS count FROM jobs
   WHERE kind = 'deployment.reconcile' AND lease_until > now() GROUP BY 1`;

describe('three workers, one of them killed and one of them frozen in the middle of their jobs', () => {
  let installation: Installation;
  let dataSource: DataSource;
  let workers: ProcessUnderTest[] = [];
  let client: Client;
  let ids: string[] = [];
  let survivor: ProcessUnderTest;
  let frozen: ProcessUnderTest;
  let takeoverMs = 0;

  const claimed = (): Promise<Work[]> => dataSource.query<Work[]>(CLAIMED);

  beforeAll(async () => {
    installation = await Installation.create();
    ({ dataSource } = installation);
    // `simulated/slow` takes ten times the delay; few places each, so that all three get some.
    const env = { SIMULATED_DELAY_MS: '400', WORKER_CONCURRENCY: '5' };
    const api = await installation.start({ ...env, ROLE: 'api' });
    workers = await Promise.all([1, 2, 3].map(() => installation.start({ ...env, ROLE: 'worker' })));
    client = await adminOf(api);
    ids = await Promise.all(
      Array.from({ length: DEPLOYMENTS }, (_, index) =>
        deploy(client, `slow-${index}`, { container_image: 'simulated/slow:1', replicas: 2 }),
      ),
    );
    const allBusy = async (): Promise<Work[] | null> => {
      const found = await claimed();
      return found.length === 3 ? found : null;
    };
    const busy = await until(allBusy, { what: 'all three workers to have jobs' });
    const of = (work: Work | undefined): ProcessUnderTest => workers.find(({ pid }) => pid === work?.pid) as ProcessUnderTest;
    const [first, second, third] = busy.sort((a, b) => b.count - a.count);
    survivor = of(third);
    frozen = of(second);
    const begun = performance.now();
    frozen.signal('SIGSTOP');
    await of(first).kill('SIGKILL');
    for (const id of ids) await untilHealthy(client, id, TAKEOVER_MS);
    // A deployment may be healthy while the job of a worker that is gone is still leased to it.
    const left = async (): Promise<boolean> => (await claimed()).every(({ pid }) => pid === survivor.pid);
    await until(left, { timeoutMs: TAKEOVER_MS, what: 'no job to be leased to the workers that are gone' });
    takeoverMs = performance.now() - begun;
    process.stdout.write(
      `worker takeover: ${JSON.stringify(busy)} jobs, all ${DEPLOYMENTS} deployments running and all jobs taken over after ${Math.round(takeoverMs)} ms\n`,
    );
  });

  afterAll(() => installation?.close());

  it('had its work finished by the third within 35 seconds', () => {
    expect(takeoverMs).toBeLessThan(TAKEOVER_MS);
  });

  it('wrote each step once, and no second one when the frozen worker woke up', async () => {
    frozen.signal('SIGCONT');
    await sleep(3_000); // time for the woken worker to write a second step
    for (const id of ids) {
      const view = await statusOf(client, id);
      expect(view).toMatchObject({ status: 'running', health: 'healthy' });
      expect(inStatus(view, 'running')).toHaveLength(2);
      expect(view.replicas).toHaveLength(2);
    }
    const steps = await dataSource.query<{ to: string; count: number }[]>(
      `SELECT new_status AS to, count(*)::int AS count FROM deployment_status_history GROUP BY 1 ORDER BY 1`,
    );
    expect(steps).toEqual(['pending', 'running', 'scheduled'].map((to) => ({ to, count: DEPLOYMENTS })));
    const [{ workloads }] = await dataSource.query<[{ workloads: number }]>(`SELECT count(*)::int AS workloads FROM simulated_workloads`);
    expect(workloads).toBe(DEPLOYMENTS * 2);
  });

  it('lets the woken worker take part again', async () => {
    expect(frozen.isAlive).toBe(true);
    expect((await fetch(`${frozen.url}/health/ready`)).status).toBe(200);
    await survivor.kill('SIGKILL');
    const answer = await remove(client, ids[0] ?? '', '?wait=30');
    expect(answer).toMatchObject({ status: 200, body: { replicas_stopped: 2, resources_released: true } });
  });

  it('kept every invariant', async () => {
    expect(await checkInvariants(dataSource, { graceSeconds: 0 })).toEqual([]);
  });
});
