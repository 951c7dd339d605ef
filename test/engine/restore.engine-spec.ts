import type { Client } from '../support/client';
import { deploy, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine, TEST_IMAGE, testFiles } from '../support/engine';
import { startHostileRegistry, type HostileRegistry } from '../support/hostile-registry';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

describeWithEngine('a restore on real engines', () => {
  let registry: HostileRegistry;
  let product: ProductOnDocker;
  let client: Client;
  let repository: string;
  let image: string;

  beforeAll(async () => {
    registry = await startHostileRegistry(testFiles());
    repository = `${registry.host}/vanishing`;
    image = `${repository}:1`;
    product = await ProductOnDocker.start({ environment: { ALLOWED_REGISTRIES: registry.host } });
    ({ client } = product);
  });

  afterAll(async () => {
    await product?.close();
    await product?.docker
      .getImage(image)
      .remove()
      .catch(() => undefined);
    await registry?.close();
  });

  const load = (): Promise<void> => product.docker.getImage(TEST_IMAGE).tag({ repo: repository, tag: '1' });
  const deployed = async (name: string): Promise<string> => {
    await load();
    const id = await deploy(client, name, onDocker({ container_image: image, replicas: 2 }));
    await untilHealthy(client, id, 30_000);
    expect(await remove(client, id)).toMatchObject({ status: 200 });
    await product.docker.getImage(image).remove();
    return id;
  };
  const preview = (id: string) => client.post(`/api/deployment/${id}/restore?dry_run=true`, {});

  it('is refused while no engine has the image and its registry does not offer it, and works once it is there again', async () => {
    registry.mood = 'not found';
    const id = await deployed('vanishing');
    const refused = await client.post(`/api/deployment/${id}/restore`, {});
    expect(refused).toMatchObject({ status: 409, body: { code: 'image_unavailable' } });
    expect(await preview(id)).toMatchObject({ status: 200, body: { possible: false, image: 'unavailable' } });
    expect((await statusOf(client, id)).status).toBe('deleted');

    await load();
    // An answer about an image is remembered for three seconds.
    const restored = await until(async () => {
      const answer = await client.post(`/api/deployment/${id}/restore`, {});
      return answer.status === 409 ? null : answer;
    });
    expect(restored).toMatchObject({ status: 202, body: { generation: 2 } });
    await untilHealthy(client, id, 30_000);
    expect(await remove(client, id)).toMatchObject({ status: 200, body: { replicas_stopped: 2, resources_released: true } });
    await product.docker.getImage(image).remove();
  });

  it.each(['limits', 'broken'] as const)('is not refused because the registry cannot say whether it has the image: %s', async (mood) => {
    const id = await deployed(`unknown-${mood}`);
    registry.mood = mood;
    await until(async () => ((await preview(id)).body as { image: string }).image === 'unknown', {
      what: 'the earlier answer to be forgotten',
    });
    expect(await client.post(`/api/deployment/${id}/restore`, {})).toMatchObject({ status: 202 });
    expect(await remove(client, id)).toMatchObject({ status: 200 });
  });
});
