import { placeOn as place, type Candidate } from '../../test/support/candidates';
import type { Resources } from '../engines/resources';
import { EXPLAINED_CHOSEN, EXPLAINED_OTHERS, shortfallText } from './explain';
import type { PlacementRequest } from './place.types';

const resources = (over: Partial<Resources> = {}): Resources => ({ cpuCores: 0, memoryMb: 0, gpuUnits: 0, storageGb: 0, ...over });
const FULL_SIZE = resources({ cpuCores: 16, memoryMb: 32768, storageGb: 500 });

const aNode = (id: string, over: Partial<Candidate> = {}): Candidate => ({
  id,
  name: `node-${id}`,
  region: 'us-east',
  capacity: FULL_SIZE,
  reserved: resources(),
  cpuUsagePercent: 0,
  memoryUsagePercent: 0,
  ownReplicas: 0,
  unavailable: null,
  ...over,
});
const aRequest = (over: Partial<PlacementRequest> = {}): PlacementRequest => ({
  replicas: 1,
  perReplica: resources({ cpuCores: 4, memoryMb: 8192, storageGb: 10 }),
  region: 'us-east',
  strategy: 'spread',
  ...over,
});
const withFree = (id: string, free: Partial<Resources>, over: Partial<Candidate> = {}): Candidate =>
  aNode(id, { capacity: resources({ cpuCores: 16, memoryMb: 32768, storageGb: 500, ...free }), ...over });

describe('place', () => {
  it('passes over a node whose disk has less room than one replica asks for, and says so', () => {
    const request = aRequest({ replicas: 2, perReplica: resources({ cpuCores: 1, storageGb: 10 }) });
    const placed = place(request, [aNode('a', { diskFreeGb: 9 }), aNode('b', { diskFreeGb: 10 }), aNode('c', { diskFreeGb: null })]);
    expect(placed.nodeIds).toEqual(['b', 'c']);
    expect(placed.explanation.rejected).toEqual([{ nodeId: 'a', nodeName: 'node-a', reasons: ['storage: 10 GB needed, 9 free'] }]);
    const refused = place(request, [aNode('a', { diskFreeGb: 9 })]);
    expect(shortfallText('Insufficient nodes', refused)).toBe(
      'Insufficient nodes: need 2, found 0 with capacity; storage: 10 GB needed per replica, at most 9 GB free on a node',
    );
  });

  it('passes over a cluster without a machine that is large enough for one replica, and says so', () => {
    const request = aRequest({ replicas: 2, perReplica: resources({ cpuCores: 4 }) });
    const capacity = resources({ cpuCores: 32 });
    const [small, large] = [
      { cpuCores: 3.5, memoryMb: 65_536 },
      { cpuCores: 4, memoryMb: 65_536 },
    ];
    const nodes = [aNode('a', { capacity, largestMachine: small }), aNode('b', { capacity, largestMachine: large })];
    const placed = place(request, nodes);
    expect(placed.nodeIds).toEqual(['b', 'b']);
    const reasons = ['cpu: 4 cores needed, 3.5 free on its largest machine'];
    expect(placed.explanation.rejected).toEqual([{ nodeId: 'a', nodeName: 'node-a', reasons }]);
    expect(place(request, nodes.slice(0, 1)).shortfall).toContain('cpu: 4 cores needed per replica, at most 3.5 cores free on a node');
  });

  it.each([
    ['spread starts with the best score', 'spread', 1, [aNode('a', { region: 'us-west' }), aNode('b')], ['b']],
    [
      'spread uses every node before any twice, best first',
      'spread',
      4,
      [aNode('a'), aNode('b', { region: 'us-west' }), aNode('c', { cpuUsagePercent: 50 })],
      ['a', 'c', 'b', 'a'],
    ],
    [
      'spread counts the replicas that nodes hold already',
      'spread',
      3,
      [aNode('a', { ownReplicas: 2 }), aNode('b', { region: 'us-west' })],
      ['b', 'b', 'a'],
    ],
    [
      'spread stacks rather than to use a node that has refused a replica',
      'spread',
      2,
      [aNode('a', { refused: 1 }), aNode('b', { region: 'us-west', ownReplicas: 2 })],
      ['b', 'b'],
    ],
    [
      'spread uses a node that has refused when no other has room',
      'spread',
      1,
      [aNode('a', { refused: 3 }), withFree('b', { memoryMb: 4096 })],
      ['a'],
    ],
    ['spread prefers the node that has refused less often', 'spread', 1, [aNode('a', { refused: 2 }), aNode('b', { refused: 1 })], ['b']],
    [
      'distinct comes to a node that has refused last',
      'distinct',
      2,
      [aNode('a', { refused: 1 }), aNode('b', { region: 'us-west' })],
      ['b', 'a'],
    ],
    [
      'binpack fills another node than one that has refused',
      'binpack',
      1,
      [withFree('a', { cpuCores: 4 }, { refused: 1 }), aNode('b', { region: 'us-west' })],
      ['b'],
    ],
    ['spread stacks when nothing else has room', 'spread', 3, [aNode('a'), withFree('b', { memoryMb: 4096 })], ['a', 'a', 'a']],
    ['distinct never stacks', 'distinct', 3, [aNode('a'), aNode('b')], ['a', 'b']],
    [
      'distinct passes over nodes that hold a replica already',
      'distinct',
      2,
      [aNode('a', { ownReplicas: 1 }), aNode('b', { region: 'us-west' })],
      ['b'],
    ],
    [
      'binpack starts with the fullest node',
      'binpack',
      1,
      [aNode('a'), aNode('b', { reserved: resources({ cpuCores: 8, memoryMb: 16384 }) })],
      ['b'],
    ],
    [
      'binpack fills a node before it opens the next',
      'binpack',
      6,
      [aNode('a', { region: 'us-west' }), aNode('b')],
      ['b', 'b', 'b', 'b', 'a', 'a'],
    ],
    ['binpack breaks ties by score', 'binpack', 1, [aNode('a', { cpuUsagePercent: 90 }), aNode('b')], ['b']],
    ['breaks ties by id', 'spread', 2, [aNode('c'), aNode('b'), aNode('a')], ['a', 'b']],
    [
      'breaks ties between equal shares of different sizes by id',
      'spread',
      1,
      [aNode('b'), aNode('a', { capacity: resources({ cpuCores: 16, memoryMb: 32768, storageGb: 40 }) })],
      ['a'],
    ],
    ['leaves out unavailable nodes', 'spread', 1, [aNode('a', { unavailable: 'offline' }), aNode('b')], ['b']],
    ['needs room in CPU', 'spread', 1, [withFree('a', { cpuCores: 3.999 }), withFree('b', { cpuCores: 4 })], ['b']],
    ['needs room in memory', 'spread', 1, [withFree('a', { memoryMb: 8191 }), withFree('b', { memoryMb: 8192 })], ['b']],
    ['needs room in storage', 'spread', 1, [withFree('a', { storageGb: 9 }), withFree('b', { storageGb: 10 })], ['b']],
    ['places nothing when nothing is asked', 'spread', 0, [aNode('a')], []],
    ['places nothing where nothing is', 'spread', 2, [], []],
  ] as const)('%s', (_name, strategy, replicas, nodes, expected) => {
    expect(place(aRequest({ strategy, replicas }), nodes).nodeIds).toEqual(expected);
  });

  it('needs room in GPU', () => {
    const perReplica = resources({ cpuCores: 1, memoryMb: 512, gpuUnits: 1 });
    expect(place(aRequest({ perReplica }), [aNode('a'), withFree('b', { gpuUnits: 1 })]).nodeIds).toEqual(['b']);
  });

  it.each([
    [0.1, 0.3, 0, 3],
    [0.7, 2.1, 0, 3],
    [0.1 + 0.2, 0.3, 0, 1],
    [0.001, 1, 0.999, 1],
    [0.5, 1.499, 0, 2],
  ])('counts thousandths of a core exactly: %d of %d with %d reserved fits %d times', (cpuCores, total, reserved, times) => {
    const node = withFree('a', { cpuCores: total }, { reserved: resources({ cpuCores: reserved }) });
    expect(place(aRequest({ replicas: 10, perReplica: resources({ cpuCores }) }), [node]).found).toBe(times);
  });

  it('scores a node anew after each replica it takes', () => {
    // First replica: `a` 0.4 × 0.5 + 0.5925 = 0.7925, `b` 0.4 × 0.75 + 0.4725 = 0.7725; second: 0.5925 and 0.6725.
    const a = aNode('a', { capacity: resources({ cpuCores: 8, memoryMb: 16384, storageGb: 500 }) });
    const b = aNode('b', { cpuUsagePercent: 80 });
    const { nodeIds, explanation } = place(aRequest({ replicas: 4 }), [b, a]);
    expect(nodeIds).toEqual(['a', 'b', 'b', 'a']);
    expect(explanation.candidates.map(({ score }) => score.total)).toEqual([0.7925, 0.7725]);
  });

  it('leaves its input alone', () => {
    const nodes = Object.freeze([Object.freeze(aNode('b')), Object.freeze(aNode('a'))]);
    expect(() => place(Object.freeze(aRequest({ replicas: 3 })), nodes)).not.toThrow();
  });
});

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
