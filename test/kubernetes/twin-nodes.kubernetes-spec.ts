import { aSpec, someResources } from '../contract/runtime-under-test';
import { clusterUnderTest, describeWithCluster, type ClusterUnderTest } from './cluster-under-test';

describeWithCluster('two nodes that are the same cluster', () => {
  const never = new AbortController().signal;
  let t: ClusterUnderTest;
  beforeAll(async () => {
    t = await clusterUnderTest();
  });
  afterAll(() => t?.close(), 60_000);

  it('each show their own workloads, and a part of the cluster has no orphans of the other', async () => {
    const spec = t.scripted('steady', aSpec({ resources: someResources({ cpuCores: 0.05, memoryMb: 16 }) }));
    await t.driver.ensure(t.target, spec, { signal: never, onProgress: () => undefined });
    const listed = async (node: ClusterUnderTest['target'], filter: { deploymentId?: string }): Promise<string[]> =>
      (await t.driver.list(node, filter, never)).map(({ replicaId }) => replicaId);
    for (const filter of [{}, { deploymentId: spec.deploymentId }]) {
      expect(await listed(t.target, filter)).toEqual([spec.replicaId]);
      expect(await listed(t.twin, filter)).toEqual([]);
    }
    await t.driver.remove(t.target, spec.replicaId, { graceSeconds: 1, signal: never });
  });
});
