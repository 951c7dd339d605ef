import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/data-source-options';
import type { NodeTarget } from '../../src/engines/node-target';
import type { ObservedWorkload, WorkloadSpec } from '../../src/runtime/runtime-driver';
import { SimulatedDriver } from '../../src/runtime/simulated/simulated.driver';
import { SimulatedEngine } from '../support/simulated-engine';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';
import { describeRuntimeDriver } from './runtime-driver.contract';
import { aSpec, type RuntimeUnderTest, type Script } from './runtime-under-test';

const aNode = (): NodeTarget => ({ id: randomUUID(), name: 'simulated', runtime: 'simulated', endpoint: null });
const never = new AbortController().signal;
const ensureOptions = { signal: never, onProgress: (): void => undefined };

async function connect(database: TestDatabase): Promise<DataSource> {
  return new DataSource(dataSourceOptions({ url: database.url, poolSize: 10 })).initialize();
}

function scripted(script: Script, spec: WorkloadSpec): WorkloadSpec {
  switch (script) {
    case 'steady':
      return spec;
    case 'fails':
      return { ...spec, env: { SIMULATED_EXIT_AFTER_MS: '0', SIMULATED_EXIT_CODE: '3' } };
    case 'ends':
      return { ...spec, env: { SIMULATED_EXIT_AFTER_MS: '0', SIMULATED_EXIT_CODE: '0' } };
    case 'out-of-memory':
      return { ...spec, image: 'simulated/oom:1' };
    case 'missing-image':
      return { ...spec, image: 'simulated/missing:1' };
    case 'unwell':
      return { ...spec, image: 'simulated/unhealthy:1' };
    case 'stubborn':
      return { ...spec, image: 'simulated/stubborn:1' };
    case 'speaks':
      return { ...spec, env: { ...spec.env, SIMULATED_LOG: `first ${spec.env.GREETING}\nsecond ${spec.env.GREETING}` } };
  }
}

async function setup(): Promise<RuntimeUnderTest> {
  const database = await createTestDatabase();
  const dataSource = await connect(database);
  const driver = new SimulatedDriver(dataSource, { delayMs: 50 });
  const engine = new SimulatedEngine(dataSource);
  const [target, away, elsewhere] = [aNode(), aNode(), aNode()];
  await engine.setUnreachable(away.id, true);
  return {
    driver,
    target,
    away,
    scripted,
    kill: (replicaId) => engine.kill(replicaId),
    vanish: (replicaId) => engine.vanish(replicaId),
    decoy: async (spec) => {
      await driver.ensure(elsewhere, spec, ensureOptions);
      return async () => (await driver.find(elsewhere, spec.replicaId, never)) !== null;
    },
    close: async () => {
      await dataSource.destroy();
      await database.drop();
    },
  };
}

describeRuntimeDriver('simulated', setup);

describe('the simulated engine', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let engine: SimulatedEngine;
  const node = aNode();

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await connect(database);
    engine = new SimulatedEngine(dataSource);
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });
  const phase = async (driver: SimulatedDriver, replicaId: string): Promise<ObservedWorkload['phase'] | undefined> =>
    (await driver.find(node, replicaId, never))?.phase;

  it('starts at once without a delay, and takes the delay when it has one', async () => {
    const [quick, unhurried, slow] = [0, 300, 60_000].map((delayMs) => new SimulatedDriver(dataSource, { delayMs })) as [
      SimulatedDriver,
      SimulatedDriver,
      SimulatedDriver,
    ];
    const [one, other, last] = [aSpec(), aSpec(), aSpec()];
    await quick.ensure(node, one, ensureOptions);
    expect(await phase(quick, one.replicaId)).toBe('running');
    await slow.ensure(node, last, ensureOptions);
    expect(await phase(slow, last.replicaId)).toBe('starting');
    await unhurried.ensure(node, other, ensureOptions);
    await until(async () => (await phase(unhurried, other.replicaId)) === 'running');

    const begin = performance.now();
    await unhurried.remove(node, other.replicaId, { graceSeconds: 10, signal: never });
    expect(performance.now() - begin).toBeGreaterThan(250);
  });

  it('is one engine for every worker, and outlives each of them', async () => {
    const second = await connect(database);
    const spec = aSpec();
    await new SimulatedDriver(second, { delayMs: 0 }).ensure(node, spec, ensureOptions);
    await second.destroy();
    expect(await phase(new SimulatedDriver(dataSource, { delayMs: 0 }), spec.replicaId)).toBe('running');
  });

  it.each([
    ['crash', 'exited', 'Exited with code 1'],
    ['unhealthy', 'unhealthy', 'Health check fails'],
  ])('plays simulated/%s', async (script, expected, reason) => {
    const driver = new SimulatedDriver(dataSource, { delayMs: 0 });
    const spec = aSpec({ image: `docker.io/simulated/${script}:latest` });
    await driver.ensure(node, spec, ensureOptions);
    expect(await driver.find(node, spec.replicaId, never)).toMatchObject({ phase: expected, reason });
  });

  it('plays simulated/slow with ten times the delay', async () => {
    const driver = new SimulatedDriver(dataSource, { delayMs: 40 });
    const spec = aSpec({ image: 'simulated/slow:1' });
    await driver.ensure(node, spec, ensureOptions);
    const takes = `SELECT extract(epoch FROM ready_at - started_at)::float8 AS seconds FROM simulated_workloads WHERE replica_id = $1`;
    expect(await dataSource.query(takes, [spec.replicaId])).toEqual([{ seconds: 0.4 }]);
    await until(async () => (await phase(driver, spec.replicaId)) === 'running');
  });

  it('plays simulated/rejected, which no retry helps', async () => {
    const driver = new SimulatedDriver(dataSource, { delayMs: 0 });
    await expect(driver.ensure(node, aSpec({ image: 'simulated/rejected:1' }), ensureOptions)).rejects.toMatchObject({
      failure: 'rejected',
      retryable: false,
    });
  });

  it('keeps the workloads of a node that is away, and breaks its watch', async () => {
    const driver = new SimulatedDriver(dataSource, { delayMs: 0 });
    const [spec, there] = [aSpec(), aNode()];
    await driver.ensure(there, spec, ensureOptions);
    const watching = driver.watch(there, () => undefined, never);
    await engine.setUnreachable(there.id, true);
    await expect(watching).rejects.toMatchObject({ failure: 'unreachable' });
    await engine.setUnreachable(there.id, false);
    expect((await driver.find(there, spec.replicaId, never))?.phase).toBe('running');
  });
});
