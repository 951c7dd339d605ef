import type Docker from 'dockerode';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { engineClient, loadTestImage, TEST_IMAGE } from '../support/engine';
import { CREDENTIAL, describeWithRegistry, PrivateRegistry } from '../support/private-registry';
import { until } from '../support/until';
import { describeWithCluster } from './cluster-under-test';
import { NOTHING_LEFT, onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';

const PULL = 'kubernetes.io/dockerconfigjson';
/** The test image for a user who is not root, as clusters want it. */
const NOBODY = { repo: 'fog-test/nobody', tag: '1' };

async function loadNobody(docker: Docker): Promise<string> {
  await loadTestImage(docker);
  const container = await docker.createContainer({ Image: TEST_IMAGE });
  await container.commit({ ...NOBODY, changes: 'USER 65534' });
  await container.remove();
  return `${NOBODY.repo}:${NOBODY.tag}`;
}

describeWithCluster('private images on Kubernetes, with the rights of deploy/kubernetes and no others', () =>
  describeWithRegistry('of a real registry', () =>
    describe.each(['basic', 'token'] as const)('with %s authentication', (by) => {
      const docker = engineClient();
      let registry: PrivateRegistry;
      let product: ProductOnKubernetes;
      let client: Client;
      let image: string;
      beforeAll(async () => {
        registry = await PrivateRegistry.start(by);
        image = await registry.take(docker, await loadNobody(docker), 'team/private');
        product = await ProductOnKubernetes.start({ ALLOWED_REGISTRIES: registry.server });
        ({ client } = product);
      });
      afterAll(async () => {
        await product?.close();
        registry?.close();
      });

      const pullSecrets = async () => {
        const { namespace } = product.cluster.access;
        const { items } = await product.cluster.core.listNamespacedSecret({ namespace });
        return items.filter(({ type }) => type === PULL).map(({ metadata, data }) => ({ name: metadata?.name ?? '', data }));
      };

      it('are pulled with a Secret that each password has its own of, and that goes with the last replica', async () => {
        const { body } = await client.post('/api/projects', { name: 'team' });
        const { id: project } = body as { id: string };
        const login = (password: string) =>
          client.put(`/api/projects/${project}/registries/team`, { server: registry.server, ...CREDENTIAL, password });
        const wish = onKubernetes({ container_image: image, project, env: { A: 'b' } });

        const early = await deploy(client, 'early', wish);
        await until(async () => JSON.stringify(await statusOf(client, early)).includes('could not be pulled'), {
          what: 'the refusal',
          timeoutMs: 60_000,
        });
        expect(await pullSecrets()).toEqual([]);
        await remove(client, early);

        expect((await login(CREDENTIAL.password)).status).toBeLessThan(300);
        const id = await deploy(client, 'private', wish);
        await untilHealthy(client, id, 90_000);
        const [first, ...others] = await pullSecrets();
        expect(others).toEqual([]);
        const config = JSON.parse(Buffer.from(first?.data?.['.dockerconfigjson'] ?? '', 'base64').toString()) as { auths: object };
        expect(Object.keys(config.auths)).toEqual([registry.server]);

        // Another password: what runs keeps its Secret, and what starts from now on has another one.
        expect((await login('another')).status).toBeLessThan(300);
        await until(
          async () => {
            await client.post(`/api/deployment/scale/${id}`, { replicas: 2 });
            return inStatus(await statusOf(client, id), 'running').length === 2;
          },
          { what: 'the second replica', timeoutMs: 90_000 },
        );
        expect((await pullSecrets()).length).toBeGreaterThanOrEqual(1);
        const told = JSON.stringify([(await client.get(`/api/deployment/${id}`)).body, await statusOf(client, id)]);
        for (const password of [CREDENTIAL.password, 'another']) expect(told).not.toContain(password);

        expect((await remove(client, id)).status).toBeLessThan(300);
        await until(async () => (await untilNoWork(client, id)).status === 'deleted', { what: 'the end of the work' });
        await until(async () => JSON.stringify(await product.left()) === JSON.stringify(NOTHING_LEFT), {
          what: 'nothing to be left',
          timeoutMs: 60_000,
        });
      });
    }),
  ),
);
