import type Docker from 'dockerode';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf } from '../support/engine';
import { until } from '../support/until';
import { describeWithCluster } from './cluster-under-test';
import { NOTHING_LEFT, onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';
import { SimulatedMachines } from './simulated-machines';

const describeWithBoth = (name: string, tests: () => void): void =>
  describeWithEngine('a Docker Engine and', () => describeWithCluster(name, tests));

describeWithBoth('a cluster that takes no replicas, beside a Docker Engine', () => {
  let product: ProductOnKubernetes;
  let machines: SimulatedMachines;
  const docker: Docker = engineClient();
  beforeAll(async () => {
    await loadTestImage(docker);
    machines = await SimulatedMachines.start(1, 1); // of Pods no capacity tells
    product = await ProductOnKubernetes.start({ RUNTIME: 'docker' }, { machines: machines.selector });
  });
  afterAll(async () => {
    await product?.close();
    await machines?.close();
    if (product) await removeContainersOf(docker, product.installationId);
  });

  const containers = (): Promise<Docker.ContainerInfo[]> =>
    docker.listContainers({ filters: { label: [`${LABEL.installation}=${product.installationId}`] } });
  const untilBothOnDocker = (id: string): Promise<boolean> =>
    until(async () => inStatus(await statusOf(product.client, id), 'running').length === 2 && (await containers()).length === 2, {
      timeoutMs: 90_000,
      what: 'both replicas to run on the Docker Engine',
    });
  const untilGone = async (id: string): Promise<void> => {
    expect((await remove(product.client, id)).status).toBeLessThan(300);
    await until(async () => (await untilNoWork(product.client, id)).status === 'deleted', { what: 'the end of the work' });
    await until(async () => JSON.stringify(await product.left()) === JSON.stringify(NOTHING_LEFT), { what: 'an empty namespace' });
  };

  it('since it is drained by us is empty soon, and gets replicas again afterwards', async () => {
    const id = await deploy(product.client, 'drained', onKubernetes({ replicas: 2, placement_strategy: 'spread' }));
    await untilHealthy(product.client, id, 90_000);
    expect([(await product.left()).pods, (await containers()).length]).toEqual([1, 1]);
    expect((await product.client.patch(`/api/nodes/${product.nodeId}`, { draining: true })).body).toMatchObject({
      ...{ status: 'maintenance', draining: true },
    });
    await untilBothOnDocker(id);
    await until(async () => (await product.left()).pods === 0, { timeoutMs: 60_000, what: 'the cluster to be empty' });
    expect((await product.client.patch(`/api/nodes/${product.nodeId}`, { cordoned: false })).body).toMatchObject({ draining: false });
    expect((await product.client.post(`/api/deployment/scale/${id}`, { replicas: 3 })).status).toBe(200);
    await until(async () => inStatus(await statusOf(product.client, id), 'running').length === 3, { timeoutMs: 90_000, what: 'the third' });
    expect((await product.left()).pods).toBe(1);
    await untilGone(id);
  }, 400_000);

  it('since its machine has all the Pods that it takes, tells so in the words of the scheduler, and the replica runs elsewhere', async () => {
    const id = await deploy(product.client, 'elsewhere', onKubernetes({ replicas: 4, placement_strategy: 'spread' }));
    const told = async (): Promise<string | undefined> =>
      (await statusOf(product.client, id)).replicas.map(({ reason }) => reason ?? '').find((reason) => /Too many pods/.test(reason));
    expect(await until(told, { timeoutMs: 60_000, what: 'the words of the scheduler' })).toMatch(
      /No machine of the cluster takes it: 0\/\d+ nodes are available: .*Too many pods/,
    );
    await until(async () => inStatus(await statusOf(product.client, id), 'running').length === 4 && (await containers()).length === 3, {
      timeoutMs: 90_000,
      what: 'three replicas to run on the Docker Engine, and one in the cluster',
    });
    await untilGone(id);
  }, 400_000);

  it('since its machine has a taint, has no capacity', async () => {
    expect((await product.node()).cpu_cores).toBeGreaterThan(0);
    const taints = [{ key: 'fog-test/closed', value: 'true', effect: 'NoSchedule' }];
    await product.patch(`/api/v1/nodes/${machines.names[0] ?? ''}`, { spec: { taints } });
    await until(async () => (await product.node()).cpu_cores === 0, { timeoutMs: 60_000, what: 'the closed machine to count no more' });
  });
});
