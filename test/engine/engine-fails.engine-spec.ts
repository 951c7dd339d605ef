import type { Client } from '../support/client';
import { deploy, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { startEngineProxy, type EngineProxy } from './docker-engine-proxy';
import { onDocker, ProductOnDocker } from './product-on-docker';

/** As many failures in a row as end the start of a deployment whose own fault they are. */
const FAILURES = 3;

describeWithEngine('an engine that fails for a while, as one that shuts down', () => {
  let proxy: EngineProxy;
  let product: ProductOnDocker;
  let client: Client;
  beforeAll(async () => {
    proxy = await startEngineProxy();
    product = await ProductOnDocker.start({ environment: { DOCKER_HOST: proxy.endpoint } });
    ({ client } = product);
  });
  afterAll(async () => {
    await product?.close();
    await proxy?.close();
  });

  it('does not make a new deployment fail for good', async () => {
    let left = FAILURES;
    proxy.interfere = (asked) =>
      asked === 'POST start' && left-- > 0 ? { status: 500, body: { message: 'failed to create task: context canceled' } } : 'pass';
    const id = await deploy(client, 'patient', onDocker());
    const view = await untilHealthy(client, id, 90_000);
    expect(Math.max(...view.replicas.map(({ attempt }) => attempt))).toBe(FAILURES);
    const history = (await client.get(`/api/deployment/${id}/history`)).body as { new_status: string }[];
    expect(history.map(({ new_status: to }) => to)).toEqual(['running', 'scheduled', 'pending']);
    expect((await statusOf(client, id)).health_reasons).toEqual([]);
    await remove(client, id);
  });
});
