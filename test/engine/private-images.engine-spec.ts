import type { Client } from '../support/client';
import { deploy, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine, TEST_IMAGE } from '../support/engine';
import { CREDENTIAL, describeWithRegistry, PrivateRegistry } from '../support/private-registry';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

const SLEEPS = ['sleep', '3600'];
const SPEAKS = ['sh', '-c', `echo "the password is $DB_PASSWORD"; trap 'exit 0' TERM; while :; do sleep 0.1; done`];

describeWithEngine('private images on a real engine', () =>
  describeWithRegistry('of a real registry', () =>
    describe.each(['basic', 'token'] as const)('with %s authentication', (by) => {
      let registry: PrivateRegistry;
      let product: ProductOnDocker;
      let client: Client;
      let image: string;
      beforeAll(async () => {
        registry = await PrivateRegistry.start(by);
        product = await ProductOnDocker.start({ environment: { ALLOWED_REGISTRIES: registry.server } });
        ({ client } = product);
        image = await registry.take(product.docker, TEST_IMAGE, 'team/private');
      });
      afterAll(async () => {
        await product?.close();
        await product?.docker
          .getImage(image)
          .remove({ force: true })
          .catch(() => undefined);
        registry?.close();
      });

      it('are pulled with the credential of the project, and run with its secret', async () => {
        const { body } = await client.post('/api/projects', { name: 'team' });
        const { id: project } = body as { id: string };
        const at = (rest: string): string => `/api/projects/${project}/${rest}`;
        const wish = onDocker({ container_image: image, command: SPEAKS, project, secret_env: { DB_PASSWORD: 'db-password' } });
        expect((await client.put(at('secrets/db-password'), { value: 'hunter2' })).status).toBeLessThan(300);

        const early = await deploy(client, 'early', wish);
        await until(async () => JSON.stringify(await statusOf(client, early)).includes('could not be pulled'), { what: 'the refusal' });
        await remove(client, early);

        const verdict = async (password: string): Promise<unknown> =>
          (await client.post(at('registries/team/preview'), { server: registry.server, ...CREDENTIAL, password })).body;
        expect(await verdict('another')).toMatchObject({ result: 'refused' });
        expect(await verdict(CREDENTIAL.password)).toMatchObject({ result: 'accepted' });
        const answer = await client.put(at('registries/team'), { server: registry.server, ...CREDENTIAL });
        expect(answer.status).toBeLessThan(300);
        const id = await deploy(client, 'private', wish);
        await untilHealthy(client, id, 60_000);
        const lines = async (): Promise<string> => JSON.stringify((await client.get(`/api/deployment/${id}/logs`)).body);
        await until(async () => (await lines()).includes('the password is hunter2'), { what: 'the secret in the container' });

        // Neither what is shown nor what the engine tells of its container has the password of the registry.
        const [container] = await product.containers(id);
        const told = JSON.stringify([
          await product.docker.getContainer(container?.Id ?? '').inspect(),
          (await client.get(at('registries'))).body,
          (await client.get(`/api/deployment/${id}`)).body,
        ]);
        expect(told).not.toContain(CREDENTIAL.password);
        await remove(client, id);
      });

      it('run by the one digest that was found with the credential, also on an engine that has not got it, when the tag has moved', async () => {
        const { body } = await client.post('/api/projects', { name: 'pinned' });
        const { id: project } = body as { id: string };
        const put = await client.put(`/api/projects/${project}/registries/team`, { server: registry.server, ...CREDENTIAL });
        expect(put.status).toBeLessThan(300);
        const digestOf = async (id: string): Promise<unknown> =>
          ((await client.get(`/api/deployment/${id}/revisions`)).body as { image_digest: unknown }[])[0]?.image_digest;
        const imageOf = async (id: string): Promise<string | undefined> => (await product.containers(id))[0]?.ImageID;

        const name = await registry.putNew(product.docker, TEST_IMAGE, 'team/pinned');
        const first = await registry.digestOf('team/pinned');
        const id = await deploy(client, 'pinned', onDocker({ container_image: name, project, command: SLEEPS }));
        await untilHealthy(client, id, 60_000);
        expect(await digestOf(id)).toBe(first);
        const ran = await imageOf(id);

        await registry.putNew(product.docker, TEST_IMAGE, 'team/pinned');
        expect(await registry.digestOf('team/pinned')).not.toBe(first);
        expect(await client.post(`/api/deployment/${id}/stop`, {})).toMatchObject({ status: 202 });
        await until(async () => (await product.containers(id)).length === 0, { what: 'the container to go' });
        await product.docker.getImage(ran ?? '').remove({ force: true });
        expect(await client.post(`/api/deployment/${id}/start`, {})).toMatchObject({ status: 202 });
        await untilHealthy(client, id, 60_000);
        expect(await digestOf(id)).toBe(first);
        expect(await imageOf(id)).toBe(ran);
        await remove(client, id);
        await until(async () => (await product.containers(id)).length === 0, { what: 'the container to go' });
        await product.docker.getImage(ran ?? '').remove({ force: true });
      });
    }),
  ),
);
