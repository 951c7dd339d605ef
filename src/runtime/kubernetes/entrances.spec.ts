import type { ClusterObject, ClusterObjects } from './cluster-objects';
import { bringEntrances } from './entrances';
import { LABEL } from './labels';

const place = { installationId: 'installation', nodeId: 'node', routerNetworks: [], access: {} } as unknown as Parameters<
  typeof bringEntrances
>[1];

const pod = (replica: string, labels: Record<string, string> = {}): ClusterObject => ({
  kind: 'Pod',
  metadata: { name: replica, labels: { [LABEL.deployment]: 'web', [LABEL.replica]: replica, ...labels } },
});

describe('what leads to deployments', () => {
  it('lets Pods leave before others join, and some of them join at a time', async () => {
    const joining = Array.from({ length: 20 }, (_, n) => pod(`joins-${n}`));
    const pods = [...joining, pod('leaves', { 'fog-compute/serves': 'true' })];
    const marked: string[] = [];
    let [underWay, most] = [0, 0];
    const cluster = {
      list: (kind: string) => Promise.resolve(kind === 'Pod' ? pods : []),
      create: () => Promise.resolve(null),
      mark: async ({ metadata }: ClusterObject) => {
        marked.push(metadata.name);
        most = Math.max(most, ++underWay);
        await new Promise(setImmediate);
        underWay -= 1;
      },
    } as unknown as ClusterObjects;
    const members = joining.map(({ metadata }) => metadata.name);
    const entrance = { deploymentId: 'web', ownerId: 'ada', ports: [], members, keep: 0, routes: [] };
    await bringEntrances(cluster, place, () => Promise.resolve([entrance]));
    expect(marked).toEqual(['leaves', ...members]);
    expect(most).toBe(8);
  });
});
