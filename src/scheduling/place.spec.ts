import { aNode, aRequest, resources, withFree, placeOn as place } from '../../test/support/candidates';
import { shortfallText } from './explain';

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
