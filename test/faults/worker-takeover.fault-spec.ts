import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Answer, Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { Installation } from '../support/installation';
import { adminOf, type ProcessUnderTest } from '../support/process-under-test';
import { until } from '../support/until';

/** The promise is 35 s. The lease is 15 s, and the machine of a test may be slow. */
const TAKEOVER_MS = 35_000;
/** A teardown holds its job for so long, which is what the containers of `simulated/stubborn` take. */
const GRACE_SECONDS = 6;
/**
 * A worker takes PLACES jobs at once, and as many again for each second in which its engines only keep it waiting. Two of them need two
 * seconds for so many, in which the third has long been woken.
 */
const [DEPLOYMENTS, PLACES] = [30, 5];

interface Work {
  readonly pid: number;
  readonly count: number;
}

const CLAIMED = `
  SELECT split_part(claimed_by, ':', 2)::int AS pid, count(*)::int AS count FROM jobs
   WHERE kind = 'deployment.reconcile' AND lease_until > now() GROUP BY 1`;

/** Kept for a restore or not, what was deleted has ended. */
const RUNNING = `
  SELECT count(*)::int AS count FROM simulated_workloads
   WHERE (exits_at IS NULL OR exits_at > clock_timestamp()) AND (gone_at IS NULL OR gone_at > clock_timestamp())`;

describe('three workers, one of them killed and one of them frozen in the middle of their jobs', () => {
  let installation: Installation;
  let dataSource: DataSource;
  let client: Client;
  const ids: string[] = [];
  let answers: Answer[] = [];
  let survivor: ProcessUnderTest;
  let frozen: ProcessUnderTest;
  let takeoverMs = 0;

  const claimed = (): Promise<Work[]> => dataSource.query<Work[]>(CLAIMED);

  beforeAll(async () => {
    installation = await Installation.create();
    ({ dataSource } = installation);
    const env = { SIMULATED_DELAY_MS: '50', STOP_GRACE_SECONDS: String(GRACE_SECONDS), WORKER_CONCURRENCY: String(PLACES) };
    const api = await installation.start({ ...env, ROLE: 'api' });
    const workers = await Promise.all([1, 2, 3].map(() => installation.start({ ...env, ROLE: 'worker' })));
    client = await adminOf(api);
    for (let index = 0; index < DEPLOYMENTS; index += 1)
      ids.push(await deploy(client, `stubborn-${index}`, { container_image: 'simulated/stubborn:1', replicas: 2 }));
    for (const id of ids) await untilHealthy(client, id);
    const deletions = Promise.all(ids.map((id) => remove(client, id, '?wait=60', { timeoutMs: 70_000 })));
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
    answers = await deletions;
    // The third may have carried out what it found, and the job of a worker that is gone is still leased to it.
    const left = async (): Promise<boolean> => (await claimed()).every(({ pid }) => pid === survivor.pid);
    await until(left, { timeoutMs: TAKEOVER_MS, what: 'no job to be leased to the workers that are gone' });
    takeoverMs = performance.now() - begun;
    process.stdout.write(
      `worker takeover: ${JSON.stringify(busy)} jobs, all ${DEPLOYMENTS} deployments torn down and all jobs taken over after ${Math.round(takeoverMs)} ms\n`,
    );
  });

  afterAll(() => installation?.close());

  it('had its work finished by the third within 35 seconds', () => {
    expect(takeoverMs).toBeLessThan(TAKEOVER_MS);
    for (const { status, body } of answers)
      expect({ status, body }).toMatchObject({ status: 200, body: { replicas_stopped: 2, resources_released: true } });
  });

  it('wrote each step once, and no second one when the frozen worker woke up', async () => {
    frozen.signal('SIGCONT');
    await sleep(3_000); // time for the woken worker to write a second step
    for (const id of ids) {
      const view = await statusOf(client, id);
      expect(view).toMatchObject({ status: 'deleted' });
      expect(inStatus(view, 'stopped')).toHaveLength(2);
      expect(view.replicas).toHaveLength(2);
    }
    const steps = await dataSource.query<{ to: string; count: number }[]>(
      `SELECT new_status AS to, count(*)::int AS count FROM deployment_status_history GROUP BY 1 ORDER BY 1`,
    );
    expect(steps).toEqual(['deleted', 'pending', 'running', 'scheduled'].map((to) => ({ to, count: DEPLOYMENTS })));
    expect(await dataSource.query(RUNNING)).toEqual([{ count: 0 }]);
  });

  it('lets the woken worker take part again', async () => {
    expect(frozen.isAlive).toBe(true);
    await until(async () => (await fetch(`${frozen.url}/health/ready`)).ok, { what: 'the woken worker to be ready' });
    await survivor.kill('SIGKILL');
    const id = await deploy(client, 'afterwards');
    await untilHealthy(client, id, TAKEOVER_MS);
    const answer = await remove(client, id, '?wait=30');
    expect(answer).toMatchObject({ status: 200, body: { replicas_stopped: 1, resources_released: true } });
  });

  it('kept every invariant', async () => {
    expect(await checkInvariants(dataSource, { graceSeconds: 0 })).toEqual([]);
  });
});
