import type { DataSource } from 'typeorm';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { loadTestImage } from '../support/engine';
import { openDataSource } from '../support/open-data-source';
import { describeWithOwnEngine, OwnEngine } from '../support/own-engine';
import { adminOf, startProcess, type ProcessUnderTest } from '../support/process-under-test';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';
import { freshInstallation, onDocker, smallContainers } from './product-on-docker';

/** From the first answer of the engine until the last container is gone. */
const FINISHED_WITHIN_MS = 60_000;

describeWithOwnEngine('an engine that is stopped and started again', () => {
  const engine = new OwnEngine();
  let database: TestDatabase;
  let dataSource: DataSource;
  let product: ProcessUnderTest;
  let client: Client;

  beforeAll(async () => {
    await engine.start();
    await loadTestImage(engine.docker);
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 2);
    await freshInstallation(dataSource);
    product = await startProcess({ ...smallContainers, RUNTIME: 'docker', DOCKER_HOST: engine.host, DATABASE_URL: database.url });
    client = await adminOf(product);
  }, 90_000);

  afterAll(async () => {
    await product?.kill('SIGKILL');
    await dataSource?.destroy();
    await database?.drop();
    await engine.remove();
  }, 60_000);

  const containers = async (): Promise<string[]> => (await engine.docker.listContainers({ all: true })).map(({ Id: id }) => id);

  it('finds the deployments deleted that were deleted meanwhile, and loses every container of theirs', async () => {
    const ids = await Promise.all(['one', 'two', 'three'].map((name) => deploy(client, name, onDocker({ replicas: 2 }))));
    for (const id of ids) await untilHealthy(client, id, 30_000);
    expect(await containers()).toHaveLength(6);
    await engine.stop();
    for (const id of ids) {
      expect(await remove(client, id, '?wait=0')).toMatchObject({ status: 202, body: { resources_released: false } });
      expect(inStatus(await statusOf(client, id), 'stopping')).toHaveLength(2);
    }
    await until(async () => (await statusOf(client, ids[0]!)).work?.last_error, { timeoutMs: 20_000, what: 'the wait for the engine' });

    await engine.start();
    const begun = performance.now();
    await until(async () => (await containers()).length === 0, { timeoutMs: FINISHED_WITHIN_MS, what: 'every container to be gone' });
    process.stdout.write(`six containers were gone ${Math.round(performance.now() - begun)} ms after the engine had started again\n`);
    for (const id of ids) {
      expect((await untilNoWork(client, id)).replicas.map(({ status }) => status)).toEqual(['stopped', 'stopped']);
    }
    expect(await checkInvariants(dataSource, { graceSeconds: 0 })).toEqual([]);
  }, 150_000);
});
