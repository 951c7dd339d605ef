import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { loadTestImage } from '../support/engine';
import { Installation } from '../support/installation';
import { describeWithOwnEngine, OwnEngine } from '../support/own-engine';
import { adminOf } from '../support/process-under-test';
import { until } from '../support/until';
import { dockerEnvironment, onDocker } from './product-on-docker';

/** The time from the first answer of the engine until the last container is gone. */
const FINISHED_WITHIN_MS = 60_000;

describeWithOwnEngine('an engine that is stopped and started again', () => {
  const engine = new OwnEngine();
  let installation: Installation;
  let client: Client;

  beforeAll(async () => {
    await engine.start();
    await loadTestImage(engine.docker);
    installation = await Installation.create();
    client = await adminOf(await installation.start(dockerEnvironment(engine.host)));
  });

  afterAll(async () => {
    await installation?.close();
    await engine.remove();
  });

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
    await until(async () => (await statusOf(client, ids[0]!)).work?.last_error, { what: 'the wait for the engine' });

    await engine.start();
    const begun = performance.now();
    await until(async () => (await containers()).length === 0, { timeoutMs: FINISHED_WITHIN_MS, what: 'every container to be gone' });
    process.stdout.write(`six containers were gone ${Math.round(performance.now() - begun)} ms after the engine had started again\n`);
    for (const id of ids) {
      expect((await untilNoWork(client, id)).replicas.map(({ status }) => status)).toEqual(['stopped', 'stopped']);
    }
    expect(await checkInvariants(installation.dataSource, { graceSeconds: 0 })).toEqual([]);
  });
});
