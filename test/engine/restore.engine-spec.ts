import type { Client } from '../support/client';
import { deploy, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine, loadTestImage } from '../support/engine';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

const VANISHING = 'fog-test/vanishing:1';

describeWithEngine('a restore on real engines', () => {
  let product: ProductOnDocker;
  let client: Client;

  beforeAll(async () => {
    product = await ProductOnDocker.start({ image: VANISHING });
    ({ client } = product);
  }, 90_000);

  afterAll(() => product?.close(), 60_000);

  it('is refused while no engine has the image and no registry offers it, and works once it is there again', async () => {
    const id = await deploy(client, 'vanishing', onDocker({ container_image: VANISHING, replicas: 2 }));
    await untilHealthy(client, id, 30_000);
    expect(await remove(client, id)).toMatchObject({ status: 200 });
    await product.docker.getImage(VANISHING).remove({ force: true });

    const refused = await client.post(`/api/deployment/${id}/restore`, {});
    expect(refused).toMatchObject({ status: 409, body: { code: 'image_unavailable' } });
    expect(await client.post(`/api/deployment/${id}/restore?dry_run=true`, {})).toMatchObject({
      status: 200,
      body: { possible: false, image: 'unavailable' },
    });
    expect((await statusOf(client, id)).status).toBe('deleted');

    await loadTestImage(product.docker, VANISHING);
    // An answer about an image is remembered for three seconds.
    const restored = await until(async () => {
      const answer = await client.post(`/api/deployment/${id}/restore`, {});
      return answer.status === 409 ? null : answer;
    });
    expect(restored).toMatchObject({ status: 202, body: { generation: 2 } });
    await untilHealthy(client, id, 30_000);
    expect(await remove(client, id)).toMatchObject({ status: 200, body: { replicas_stopped: 2, resources_released: true } });
  }, 120_000);
});
