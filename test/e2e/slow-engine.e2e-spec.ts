import { once } from 'node:events';
import { DriverError } from '../../src/runtime/runtime-driver';
import { Runtimes } from '../../src/runtime/runtimes';
import { deploy, deployed, settles } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const HANGING = 'hanging.example/app:1';

describe('a worker with one place, and a registry that does not send an image', () => {
  let t: TestApp;
  let pulls = 0;
  beforeAll(async () => {
    t = await startTestApp({ env: { WORKER_CONCURRENCY: '1' } });
    const driver = t.app.get(Runtimes, { strict: false }).driverFor('simulated')!;
    const ensure = driver.ensure.bind(driver);
    driver.ensure = async (node, spec, options) => {
      if (spec.image !== HANGING) return ensure(node, spec, options);
      pulls += 1;
      await once(options.signal, 'abort');
      throw new DriverError('aborted', 'The work was called off');
    };
  });
  afterAll(() => t?.close());

  it('deletes other deployments meanwhile: long pulls had kept deletes waiting for minutes', async () => {
    const other = await deployed(t, 'ada', { name: 'other', replicas: 1 });
    await settles(t, 'ada', other);
    const hanging = await deploy(t, 'ada', { name: 'hanging', replicas: 1, container_image: HANGING });
    await until(() => Promise.resolve(pulls > 0), { what: 'the pull' });
    await t.as('ada').delete(`/api/deployment/${other}?wait=25`).expect(200);
    expect(pulls).toBe(1);
    await t.as('ada').delete(`/api/deployment/${hanging}?wait=10`).expect(200);
  });
});
