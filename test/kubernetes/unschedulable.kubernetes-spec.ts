import type Docker from 'dockerode';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { deploy, inStatus, remove, statusOf, untilNoWork } from '../support/deployments-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf } from '../support/engine';
import { until } from '../support/until';
import { describeWithCluster } from './cluster-under-test';
import { NOTHING_LEFT, onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';
import { SimulatedMachines } from './simulated-machines';

const describeWithBoth = (name: string, tests: () => void): void =>
  describeWithEngine('a Docker Engine and', () => describeWithCluster(name, tests));

describeWithBoth('a replica that no machine of a cluster takes', () => {
  let product: ProductOnKubernetes;
  let machines: SimulatedMachines;
  const docker: Docker = engineClient();
  beforeAll(async () => {
    await loadTestImage(docker);
    machines = await SimulatedMachines.start(1, 110);
    product = await ProductOnKubernetes.start({ RUNTIME: 'docker' }, { machines: machines.selector });
  });
  afterAll(async () => {
    await product?.close();
    await machines?.close();
    if (product) await removeContainersOf(docker, product.installationId);
  });

  it('waits with the words of the scheduler, and then runs on the Docker Engine', async () => {
    // What a cluster has is measured every half minute: until then it is taken for open.
    const taints = [{ key: 'fog-test/closed', value: 'true', effect: 'NoSchedule' }];
    await product.patch(`/api/v1/nodes/${machines.names[0] ?? ''}`, { spec: { taints } });
    const id = await deploy(product.client, 'elsewhere', onKubernetes({ replicas: 2, placement_strategy: 'spread' }));
    const told = async (): Promise<string | undefined> =>
      (await statusOf(product.client, id)).replicas.map(({ reason }) => reason ?? '').find((reason) => /untolerated taint/.test(reason));
    expect(await until(told, { timeoutMs: 60_000, what: 'the words of the scheduler' })).toMatch(
      /No machine of the cluster takes it: 0\/\d+ nodes are available: .*untolerated taint/,
    );
    const filters = { label: [`${LABEL.installation}=${product.installationId}`] };
    await until(
      async () =>
        inStatus(await statusOf(product.client, id), 'running').length === 2 && (await docker.listContainers({ filters })).length === 2,
      { timeoutMs: 90_000, what: 'both replicas to run on the Docker Engine' },
    );
    await until(async () => (await product.node()).cpu_cores === 0, { timeoutMs: 60_000, what: 'the closed machine to count no more' });
    expect((await remove(product.client, id)).status).toBeLessThan(300);
    await until(async () => (await untilNoWork(product.client, id)).status === 'deleted', { what: 'the end of the work' });
    await until(async () => JSON.stringify(await product.left()) === JSON.stringify(NOTHING_LEFT), { what: 'an empty namespace' });
  }, 400_000);
});
