import { aNode, aRequest, resources, withFree, placeOn as place, type Candidate } from '../../test/support/candidates';
import { EXPLAINED_CHOSEN, EXPLAINED_OTHERS, shortfallText } from './explain';
import type { PlacementRequest } from './place.types';

describe('shortfall', () => {
  const shortfall = (over: Partial<PlacementRequest>, nodes: readonly Candidate[]) => place(aRequest(over), nodes).shortfall;

  it.each([
    ['is null when all replicas fit', { replicas: 2 }, [aNode('a')], null],
    [
      'names what is short after what was placed',
      { replicas: 3, perReplica: resources({ cpuCores: 1, memoryMb: 4096 }) },
      [withFree('a', { memoryMb: 5120 }), withFree('b', { memoryMb: 2048 })],
      'Insufficient nodes: need 3, found 1 with capacity; memory: 4096 MB needed per replica, at most 2048 MB free on a node',
    ],
    [
      'names every dimension that no node has',
      { perReplica: resources({ cpuCores: 32, memoryMb: 65536, gpuUnits: 1, storageGb: 1000 }) },
      [withFree('a', { cpuCores: 1.5 }), withFree('b', { cpuCores: 1 })],
      'Insufficient nodes: need 1, found 0 with capacity; cpu: 32 cores needed per replica, at most 1.5 cores free on a node; ' +
        'memory: 65536 MB needed per replica, at most 32768 MB free on a node; gpu: 1 unit needed per replica, at most 0 units free on a node; ' +
        'storage: 1000 GB needed per replica, at most 500 GB free on a node',
    ],
    [
      'says so when the nodes lack different things',
      {},
      [withFree('a', { cpuCores: 1 }), withFree('b', { memoryMb: 512 }), withFree('c', { memoryMb: 512 })],
      'Insufficient nodes: need 1, found 0 with capacity; cpu: 4 cores needed per replica, not free on 1 node; ' +
        'memory: 8192 MB needed per replica, not free on 2 nodes',
    ],
    [
      'counts the nodes that are not available, and not what they have',
      {},
      [aNode('a', { unavailable: 'offline' }), aNode('b', { unavailable: 'in maintenance' }), withFree('c', { cpuCores: 1 })],
      'Insufficient nodes: need 1, found 0 with capacity; cpu: 4 cores needed per replica, at most 1 core free on a node; ' +
        '2 nodes not available (offline or in maintenance)',
    ],
    [
      'speaks of one node in the singular',
      { replicas: 2, strategy: 'distinct' as const },
      [aNode('a'), aNode('b', { unavailable: 'offline' })],
      'Insufficient nodes: need 2, found 1 with capacity; 1 node already holds a replica of this deployment; ' +
        '1 node not available (offline or in maintenance)',
    ],
    [
      'counts the nodes that distinct has used up, in this call and before',
      { replicas: 3, strategy: 'distinct' as const },
      [aNode('a', { ownReplicas: 1 }), aNode('b'), withFree('c', { memoryMb: 1024 })],
      'Insufficient nodes: need 3, found 1 with capacity; memory: 8192 MB needed per replica, at most 1024 MB free on a node; ' +
        '2 nodes already hold a replica of this deployment',
    ],
    ['says when there are no nodes at all', {}, [], 'Insufficient nodes: need 1, found 0 with capacity; there are no nodes'],
    [
      'shows a node whose capacity was lowered below its reservations as having nothing free',
      { perReplica: resources({ cpuCores: 1 }) },
      [withFree('a', { cpuCores: 2 }, { reserved: resources({ cpuCores: 4 }) })],
      'Insufficient nodes: need 1, found 0 with capacity; cpu: 1 core needed per replica, at most 0 cores free on a node',
    ],
  ])('%s', (_name, over, nodes, expected) => {
    expect(shortfall(over, nodes)).toBe(expected);
  });

  it('can open with other words', () => {
    const placement = place(aRequest({ replicas: 5 }), [aNode('a')]);
    expect(shortfallText('Insufficient nodes for scale-up', placement)).toBe(
      'Insufficient nodes for scale-up: need 5, found 4 with capacity; cpu: 4 cores needed per replica, at most 0 cores free on a node; ' +
        'memory: 8192 MB needed per replica, at most 0 MB free on a node',
    );
  });
});

describe('explanation', () => {
  it('shows candidates with score parts, and why each rejected node was rejected', () => {
    const nodes = [
      aNode('d', { unavailable: 'offline since 10:00' }),
      withFree('c', { cpuCores: 1.5, storageGb: 5 }),
      aNode('b', { ownReplicas: 1 }),
      aNode('a', { cpuUsagePercent: 20 }),
    ];
    expect(place(aRequest({ strategy: 'distinct' }), nodes).explanation).toEqual({
      strategy: 'distinct',
      requested: 1,
      placed: 1,
      nodesTotal: 4,
      nodesConsidered: 4,
      sampled: false,
      nodesWithCapacity: 1,
      nodesRejected: 3,
      nodesUnavailable: 1,
      nodesTaken: 2,
      candidates: [
        {
          nodeId: 'a',
          nodeName: 'node-a',
          score: { total: 0.8625, free: 0.75, cpuIdle: 0.8, memoryIdle: 1, locality: 0.975, latencyMs: 5 },
          replicas: 1,
        },
      ],
      rejected: [
        { nodeId: 'b', nodeName: 'node-b', reasons: ['already holds a replica of this deployment'] },
        { nodeId: 'c', nodeName: 'node-c', reasons: ['cpu: 4 cores needed, 1.5 free', 'storage: 10 GB needed, 5 free'] },
        { nodeId: 'd', nodeName: 'node-d', reasons: ['offline since 10:00'] },
      ],
      shortages: [],
    });
  });

  it('says 0 free, not less, of a node whose capacity was lowered below its reservations', () => {
    const node = withFree('a', { cpuCores: 2 }, { reserved: resources({ cpuCores: 4 }) });
    expect(place(aRequest(), [node]).explanation.rejected[0]?.reasons).toEqual(['cpu: 4 cores needed, 0 free']);
  });

  it('cuts long lists, chosen nodes first and then by score, and keeps the counts', () => {
    const id = (index: number) => String(index).padStart(3, '0');
    const fit = Array.from({ length: 50 }, (_, index) =>
      aNode(id(index), { cpuUsagePercent: 50 - index, ownReplicas: index === 3 ? 0 : 1 }),
    );
    const unfit = Array.from({ length: 30 }, (_, index) => aNode(id(100 + index), { unavailable: 'offline' }));
    const { explanation } = place(aRequest(), [...unfit, ...fit].reverse());

    expect(explanation).toMatchObject({ nodesConsidered: 80, nodesWithCapacity: 50, nodesRejected: 30, nodesUnavailable: 30 });
    expect(explanation.candidates.map((c) => c.nodeId)).toEqual(['003', ...Array.from({ length: EXPLAINED_OTHERS }, (_, i) => id(49 - i))]);
    expect(explanation.rejected.map((r) => r.nodeId)).toEqual(Array.from({ length: 10 }, (_, i) => id(100 + i)));
  });

  it('names no more than some of many chosen nodes, the best first', () => {
    const id = (index: number) => String(index).padStart(3, '0');
    const fleet = Array.from({ length: 60 }, (_, index) => aNode(id(index), { cpuUsagePercent: index }));
    const { explanation, found } = place(aRequest({ replicas: 50 }), fleet);
    expect(found).toBe(50);
    expect(explanation.candidates.map((c) => c.nodeId)).toEqual([
      ...Array.from({ length: EXPLAINED_CHOSEN }, (_, i) => id(i)),
      ...Array.from({ length: EXPLAINED_OTHERS }, (_, i) => id(50 + i)),
    ]);
  });
});
