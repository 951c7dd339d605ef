import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { deploy, remove, untilHealthy } from '../support/deployments-under-test';
import { until } from '../support/until';
import { describeWithCluster } from './cluster-under-test';
import { FolderProvisioner } from './folder-provisioner';
import { onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';

interface Shown {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

/** Writes what it found, then adds a line, and goes on. */
const REMEMBERS = [
  'sh',
  '-c',
  `echo "found: $(cat /data/lines 2>/dev/null | wc -l)"; echo line >> /data/lines; trap 'exit 0' TERM; while :; do sleep 0.1; done`,
];

describeWithCluster('volumes on a real cluster', () => {
  let product: ProductOnKubernetes;
  let provisioner: FolderProvisioner | null = null;
  let client: Client;
  let project: string;
  beforeAll(async () => {
    product = await ProductOnKubernetes.start();
    provisioner = await FolderProvisioner.start(product.cluster);
    ({ client } = product);
    project = ((await client.get('/api/auth/me')).body as { id: string }).id;
  });
  afterAll(async () => {
    await provisioner?.close();
    await product?.close();
  }, 60_000);

  const remembering = (volume: string): Record<string, unknown> =>
    onKubernetes({ command: REMEMBERS, volumes: [{ name: volume, path: '/data', size_gb: 1 }] });
  const named = async (name: string): Promise<Shown | undefined> =>
    ((await client.get(`/api/projects/${project}/volumes`)).body as Shown[]).find((volume) => volume.name === name);
  const claims = async (): Promise<string[]> => {
    const { core, access } = product.cluster;
    return (await core.listNamespacedPersistentVolumeClaim({ namespace: access.namespace })).items.map(
      ({ metadata }) => metadata?.name ?? '',
    );
  };
  /** What the running replica found when it started. */
  const found = (id: string): Promise<number> =>
    until(
      async () => {
        const { replicas } = await untilHealthy(client, id, 60_000);
        const live = replicas.find(({ status }) => status === 'running');
        const logs = (await client.get(`/api/deployment/${id}/logs`)).body as { replica_id: string; lines: string[] }[];
        const line = logs.find(({ replica_id }) => replica_id === live?.id)?.lines.find((each) => each.startsWith('found: '));
        return line === undefined ? null : { count: Number(line.slice('found: '.length)) };
      },
      { timeoutMs: 90_000, what: 'a replica to say what it found' },
    ).then(({ count }) => count);

  it('keep what was written through a rollout, a crash, a delete and a restore, and go with the purge', async () => {
    const id = await deploy(client, 'remembers', remembering('memory'));
    expect(await found(id)).toBe(0);
    const volume = await named('memory');
    expect(volume).toMatchObject({ state: 'ready' });
    expect(await claims()).toEqual([`fog-volume-${volume?.id ?? ''}`]);

    await client.patch(`/api/deployment/${id}`, { env: { A: 'b' }, rollout: { min_healthy_seconds: 0 } });
    await product.crash();
    ({ client } = product);
    await until(async () => ((await client.get(`/api/deployment/${id}/rollout`)).body as { state: string }).state === 'completed', {
      timeoutMs: 90_000,
      what: 'the rollout to end',
    });
    expect(await found(id)).toBe(1);

    expect(await remove(client, id, '?grace_seconds=0')).toMatchObject({ status: 200 });
    await until(async () => (await product.left()).pods === 0, { timeoutMs: 60_000, what: 'the Pod to go' });
    expect(await claims()).toHaveLength(1);
    expect(await client.post(`/api/deployment/${id}/restore`, {})).toMatchObject({ status: 202 });
    expect(await found(id)).toBe(2);

    expect(await remove(client, id, '?grace_seconds=0')).toMatchObject({ status: 200 });
    expect(await client.delete(`/api/admin/deployment/${id}?override_retention=true&reason=test`)).toMatchObject({ status: 200 });
    await until(async () => (await claims()).length === 0 && (await named('memory')) === undefined, {
      timeoutMs: 90_000,
      what: 'the claim to be removed',
    });
    if (provisioner) await until(() => provisioner?.volumes.length === 0, { timeoutMs: 30_000, what: 'the volume of the cluster to go' });
    expect(await checkInvariants(product.dataSource, { graceSeconds: 60 })).toEqual([]);
  });
});
