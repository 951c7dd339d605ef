import type { DataSource } from 'typeorm';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { stepClock } from '../support/clock-step';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { Installation } from '../support/installation';
import { adminOf, type ProcessUnderTest } from '../support/process-under-test';
import { SimulatedEngine } from '../support/simulated-engine';
import { until } from '../support/until';

const [HOUR, DAY] = [3_600, 86_400];
const ENV = { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '5', WORKER_CONCURRENCY: '5' };

interface NodeView {
  readonly id: string;
  readonly status: string;
}

describe('a database whose clock is set while everything runs', () => {
  let installation: Installation;
  let dataSource: DataSource;
  let product: ProcessUnderTest;
  let client: Client;
  let engine: SimulatedEngine;
  beforeAll(async () => {
    installation = await Installation.create();
    ({ dataSource } = installation);
    engine = new SimulatedEngine(dataSource);
    product = await installation.start(ENV);
    client = await adminOf(product);
  });
  afterAll(() => installation?.close());

  const nodeStatus = async (id: string): Promise<string | undefined> =>
    ((await client.get('/api/nodes')).body as NodeView[]).find((node) => node.id === id)?.status;

  /** What lies further ahead than anything the program does by itself. */
  const ahead = async (): Promise<unknown[]> =>
    dataSource.query(
      `SELECT 'job ' || kind AS what FROM jobs WHERE greatest(due_at, lease_until) > now() + interval '10 minutes'
        UNION ALL SELECT 'node ' || name FROM nodes WHERE last_heartbeat > now() + interval '10 seconds'
        UNION ALL SELECT 'replica' FROM deployment_replicas
                   WHERE status IN ('pending', 'starting', 'running', 'stopping') AND greatest(running_at, started_at) > now()
        UNION ALL SELECT 'rollout' FROM deployment_rollouts WHERE finished_at IS NULL AND started_at > now()`,
    );

  const untilNothingIsAhead = (): Promise<unknown> =>
    until(async () => (await ahead()).length === 0, { what: 'everything to be due in time again', timeoutMs: 60_000 });

  /** A node whose engine dies is seen as dead, and as alive when it is back; a frozen record of it would show neither. */
  async function nodesAreWatched(): Promise<void> {
    const [node] = (await client.get('/api/nodes')).body as [NodeView];
    await engine.setUnreachable(node.id, true);
    await until(async () => (await nodeStatus(node.id)) === 'offline', { what: 'the dead node to be offline', timeoutMs: 60_000 });
    await engine.setUnreachable(node.id, false);
    await until(async () => ['idle', 'active'].includes((await nodeStatus(node.id)) ?? ''), {
      what: 'the node to be back',
      timeoutMs: 60_000,
    });
  }

  /** A life of one deployment from beginning to end. */
  async function deploymentsLive(name: string): Promise<void> {
    const id = await deploy(client, name, { replicas: 2 });
    await untilHealthy(client, id);
    expect((await client.post(`/api/deployment/scale/${id}`, { replicas: 3 })).status).toBe(200);
    const [first] = inStatus(await untilHealthy(client, id), 'running');
    await engine.kill(first?.id ?? '');
    await until(async () => !inStatus(await statusOf(client, id), 'running').some((each) => each.id === first?.id), {
      what: 'the killed replica to be noticed',
    });
    await untilHealthy(client, id);
    expect(await remove(client, id)).toMatchObject({ status: 200, body: { resources_released: true } });
    expect(await untilNoWork(client, id)).toMatchObject({ status: 'deleted' });
  }

  it('goes on with what was under way, and with all periodic work, after a step back of a day', async () => {
    const kept = await deploy(client, 'kept', { replicas: 2 });
    const rolled = await deploy(client, 'rolled', { replicas: 2, rollout: { min_healthy_seconds: 3 } });
    await untilHealthy(client, kept);
    await untilHealthy(client, rolled);
    expect((await client.patch(`/api/deployment/${rolled}`, { env: { STEP: 'back' } })).status).toBe(202);
    await stepClock(dataSource, -DAY);
    await untilNothingIsAhead();
    const rollout = async (): Promise<string> => ((await client.get(`/api/deployment/${rolled}/rollout`)).body as { state: string }).state;
    await until(async () => (await rollout()) === 'completed', { what: 'the rollout to end', timeoutMs: 60_000 });
    await untilHealthy(client, kept);
    await deploymentsLive('after-a-step-back');
    await nodesAreWatched();
    expect((await client.post('/api/admin/clock/confirm', undefined)).status).toBe(200);
  });

  it('goes on after a restart when workers were killed in the middle of their jobs and the clock was set back meanwhile', async () => {
    const slow = await deploy(client, 'slow', { container_image: 'simulated/slow:1', replicas: 2 });
    await product.kill('SIGKILL');
    // Whatever a worker can have at that moment: the deployment, the maintenance, which would look at the clock, and the sync of a node.
    await dataSource.query(`INSERT INTO jobs (kind, key) VALUES ('deployment.reconcile', $1) ON CONFLICT DO NOTHING`, [slow]);
    await dataSource.query(
      `UPDATE jobs SET claim = gen_random_uuid(), claimed_by = 'dead', lease_until = now() + interval '15 seconds'
        WHERE kind IN ('deployment.reconcile', 'maintenance', 'node.sync')`,
    );
    await stepClock(dataSource, -DAY);
    product = await installation.start(ENV);
    client = await adminOf(product);
    await untilNothingIsAhead();
    await untilHealthy(client, slow);
    await untilNoWork(client, slow);
    await deploymentsLive('after-a-restart');
    await nodesAreWatched();
    expect((await client.post('/api/admin/clock/confirm', undefined)).status).toBe(200);
  });

  it('removes nothing after a step forward of two hours until an administrator confirms the time', async () => {
    const id = await deploy(client, 'over');
    await untilHealthy(client, id);
    await remove(client, id);
    await untilNoWork(client, id);
    await dataSource.query(`
      SET session_replication_role = replica;
      UPDATE deployments SET purge_at = now() + interval '90 minutes' WHERE id = '${id}';
      UPDATE events SET published_at = now() - interval '29 days 23 hours' WHERE published_at IS NOT NULL;
      RESET session_replication_role`);
    const keptEvents = async (): Promise<number> => (await dataSource.query<unknown[]>(`SELECT 1 FROM events`)).length;
    const before = await keptEvents();
    await stepClock(dataSource, 2 * HOUR);
    /** Makes the two jobs that remove things run once more, and waits until they have. */
    const removalsRan = async (): Promise<void> => {
      const which = `kind IN ('maintenance', 'retention.purge')`;
      await dataSource.query(
        `UPDATE jobs SET due_at = now() - interval '1 day', last_error = 'not yet' WHERE ${which} AND lease_until IS NULL`,
      );
      const due = `SELECT 1 FROM jobs WHERE ${which} AND (due_at <= now() OR lease_until IS NOT NULL)`;
      await until(async () => (await dataSource.query<unknown[]>(due)).length === 0, {
        what: 'what removes to have run',
        timeoutMs: 60_000,
      });
    };
    await removalsRan();
    await removalsRan();
    expect(await keptEvents()).toBeGreaterThanOrEqual(before);
    expect((await client.get(`/api/deployment/status/${id}?include_deleted=true`)).status).toBe(200);
    expect((await client.get('/api/admin/clock')).body).toMatchObject({ trusted: false });
    await deploymentsLive('after-a-step-forward');
    expect((await client.post('/api/admin/clock/confirm', undefined)).status).toBe(200);
    const isGone = async (): Promise<boolean> => {
      await removalsRan();
      return (await client.get(`/api/deployment/status/${id}?include_deleted=true`)).status === 404 && (await keptEvents()) < before;
    };
    await until(isGone, { what: 'the removal after the confirmation', timeoutMs: 60_000 });
  });

  it('keeps every invariant', async () => {
    expect(await checkInvariants(dataSource, { graceSeconds: 15 })).toEqual([]);
  });
});
