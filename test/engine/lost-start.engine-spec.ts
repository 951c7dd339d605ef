import { deploy, remove, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { startEngineProxy, type EngineProxy } from './docker-engine-proxy';
import { onDocker, ProductOnDocker } from './product-on-docker';

describeWithEngine('an order to start that never reaches the engine', () => {
  let proxy: EngineProxy;
  let product: ProductOnDocker;

  beforeAll(async () => {
    proxy = await startEngineProxy();
    product = await ProductOnDocker.start({ environment: { DOCKER_HOST: proxy.endpoint } });
  });
  afterAll(async () => {
    await product?.close();
    await proxy?.close();
  });

  it('is given again: the created container had stayed as it was for ever, and nobody said why', async () => {
    let toDrop = 1;
    proxy.interfere = (asked) => (asked === 'POST start' && toDrop-- > 0 ? 'drop' : 'pass');
    const id = await deploy(product.client, 'lost-start', onDocker());
    await untilHealthy(product.client, id, 30_000);
    expect(proxy.asked.filter((asked) => asked === 'POST create')).toHaveLength(1);
    expect(proxy.asked.filter((asked) => asked === 'POST start').length).toBeGreaterThan(1);
    await remove(product.client, id, '?wait=20');
    expect(await product.containers(id)).toEqual([]);
  });
});
