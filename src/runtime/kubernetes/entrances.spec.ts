import { DriverError } from '../runtime-driver';
import type { ClusterObject, ClusterObjects } from './cluster-objects';
import { bringEntrances } from './entrances';
import { LABEL } from './labels';
import { keepPolicies } from './shared';

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
    await bringEntrances(cluster, place, { wanted: () => Promise.resolve([entrance]), sure: () => Promise.resolve() });
    expect(marked).toEqual(['leaves', ...members]);
    expect(most).toBe(8);
  });

  it('are not made in another cluster that is there by now and has nothing of them', async () => {
    const create = jest.fn();
    const cluster = { list: () => Promise.resolve([]), read: () => Promise.resolve(null), create } as unknown as ClusterObjects;
    const entrance = { deploymentId: 'web', ownerId: 'ada', ports: [80], members: [], keep: 0, routes: [] };
    const sure = (): Promise<void> => Promise.reject(new DriverError('unreachable', 'Another engine answers'));
    await expect(bringEntrances(cluster, place, { wanted: () => Promise.resolve([entrance]), sure })).rejects.toThrow('Another engine');
    const kept = { installationId: 'installation', owners: ['ada'], hasJobs: () => Promise.resolve(true), sure };
    await expect(keepPolicies(cluster, kept)).rejects.toThrow('Another engine');
    expect(create).not.toHaveBeenCalled();
  });
});
