import fc from 'fast-check';
import { placeOn as place, type Candidate } from '../../test/support/candidates';
import { RESOURCE_DIMENSIONS, type Resources } from '../engines/resources';
import { PLACEMENT_STRATEGIES, type PlacementRequest } from './place.types';
import { score } from './score';

const thousandths = (max: number) => fc.integer({ min: 0, max }).map((value) => value / 1000);
const REGIONS = ['us-east', 'us-west', 'eu-west', 'moon'] as const;

const amounts = fc.record({
  cpuCores: thousandths(8000),
  memoryMb: fc.integer({ min: 0, max: 8192 }),
  gpuUnits: fc.integer({ min: 0, max: 2 }),
  storageGb: fc.integer({ min: 0, max: 100 }),
});
const perReplica: fc.Arbitrary<Resources> = fc.record({
  cpuCores: fc.oneof(
    fc.constantFrom(0.5, 1, 2),
    fc.integer({ min: 1, max: 3000 }).map((value) => value / 1000),
  ),
  memoryMb: fc.integer({ min: 1, max: 3000 }),
  gpuUnits: fc.constantFrom(0, 0, 0, 1),
  storageGb: fc.integer({ min: 0, max: 30 }),
});
const node = fc.record({
  capacity: amounts,
  reserved: fc.oneof(fc.constant({ cpuCores: 0, memoryMb: 0, gpuUnits: 0, storageGb: 0 }), amounts),
  region: fc.constantFrom(...REGIONS),
  cpuUsagePercent: fc.integer({ min: 0, max: 100 }),
  memoryUsagePercent: fc.integer({ min: 0, max: 100 }),
  ownReplicas: fc.constantFrom(0, 0, 0, 1, 2),
  refused: fc.constantFrom(0, 0, 0, 0, 1, 40),
  unavailable: fc.constantFrom(null, null, null, 'offline'),
});
const fleet = (maxLength: number): fc.Arbitrary<Candidate[]> =>
  fc
    .array(node, { maxLength })
    .map((nodes) => nodes.map((each, index) => ({ ...each, id: `n${String(index).padStart(2, '0')}`, name: `node-${index}` })));
const request = (maxReplicas: number): fc.Arbitrary<PlacementRequest> =>
  fc.record({
    replicas: fc.integer({ min: 1, max: maxReplicas }),
    perReplica,
    region: fc.constantFrom(...REGIONS),
    strategy: fc.constantFrom(...PLACEMENT_STRATEGIES),
  });

const whole = (dimension: keyof Resources, value: number): number => (dimension === 'cpuCores' ? Math.round(value * 1000) : value);
/** How many replicas of this size the node holds beside its reservations, counted in whole thousandths. */
const room = (candidate: Candidate, each: Resources): number =>
  Math.min(
    ...RESOURCE_DIMENSIONS.map((dimension) => {
      const free = whole(dimension, candidate.capacity[dimension]) - whole(dimension, candidate.reserved[dimension]);
      const need = whole(dimension, each[dimension]);
      if (free < 0) return 0;
      return need === 0 ? Infinity : Math.floor(free / need);
    }),
  );
const countOn = (nodeIds: readonly string[], id: string): number => nodeIds.filter((other) => other === id).length;
const after = (candidate: Candidate, each: Resources, replicas: number): Resources => {
  const left = (dimension: keyof Resources) => candidate.capacity[dimension] - candidate.reserved[dimension] - replicas * each[dimension];
  return { cpuCores: left('cpuCores'), memoryMb: left('memoryMb'), gpuUnits: left('gpuUnits'), storageGb: left('storageGb') };
};

const check = (predicate: (asked: PlacementRequest, nodes: Candidate[]) => void, runs = 300) => {
  fc.assert(fc.property(request(12), fleet(10), predicate), { numRuns: runs });
};

describe('place, whatever the fleet', () => {
  it('never goes over the capacity of a node in any dimension, and uses only available ones', () => {
    check((asked, nodes) => {
      const { nodeIds } = place(asked, nodes);
      for (const candidate of nodes) {
        const count = countOn(nodeIds, candidate.id);
        expect(count === 0 || (candidate.unavailable === null && count <= room(candidate, asked.perReplica))).toBe(true);
      }
    });
  });

  it('gives the same answer and the same explanation in any order of the candidates', () => {
    const shuffled = fleet(10).chain((nodes) => fc.tuple(fc.constant(nodes), fc.shuffledSubarray(nodes, { minLength: nodes.length })));
    fc.assert(
      fc.property(request(12), shuffled, (asked, [nodes, others]) => {
        expect(place(asked, others)).toEqual(place(asked, nodes));
      }),
      { numRuns: 300 },
    );
  });

  it('distinct never puts two replicas on one node', () => {
    check((asked, nodes) => {
      const { nodeIds } = place({ ...asked, strategy: 'distinct' }, nodes);
      expect(new Set(nodeIds).size).toBe(nodeIds.length);
      expect(nodes.every((candidate) => candidate.ownReplicas === 0 || !nodeIds.includes(candidate.id))).toBe(true);
    });
  });

  it('spread gives a node at most one replica more than any node that still has room', () => {
    check((asked, nodes) => {
      const { nodeIds } = place({ ...asked, strategy: 'spread' }, nodes);
      const total = (candidate: Candidate) => candidate.ownReplicas + countOn(nodeIds, candidate.id);
      const chosen = nodes.filter((candidate) => nodeIds.includes(candidate.id));
      const roomy = nodes.filter(
        (candidate) => candidate.unavailable === null && countOn(nodeIds, candidate.id) < room(candidate, asked.perReplica),
      );
      for (const one of chosen)
        for (const other of roomy.filter(({ refused }) => refused === one.refused))
          expect(total(one) - total(other)).toBeLessThanOrEqual(1);
    });
  });

  it('takes a node that has refused only when those that have refused less often are full', () => {
    check((asked, nodes) => {
      const { nodeIds } = place({ ...asked, strategy: 'spread' }, nodes);
      const isFull = (candidate: Candidate) =>
        candidate.unavailable !== null || countOn(nodeIds, candidate.id) >= room(candidate, asked.perReplica);
      for (const one of nodes.filter(({ id }) => nodeIds.includes(id)))
        expect(nodes.filter(({ refused }) => (refused ?? 0) < (one.refused ?? 0)).every(isFull)).toBe(true);
    });
  });

  it('chooses the higher score first where the counts are equal', () => {
    check((asked, nodes) => {
      const { nodeIds } = place({ ...asked, strategy: 'spread' }, nodes);
      nodeIds.forEach((id, step) => {
        const before = nodeIds.slice(0, step);
        const rank = (candidate: Candidate) => {
          const placed = countOn(before, candidate.id);
          const { total } = score(candidate, after(candidate, asked.perReplica, placed + 1), asked.region);
          return {
            count: candidate.ownReplicas + placed,
            refused: candidate.refused,
            total,
            fits: candidate.unavailable === null && placed < room(candidate, asked.perReplica),
          };
        };
        const chosen = nodes.filter((candidate) => candidate.id === id).map(rank);
        const rivals = nodes
          .map(rank)
          .filter((rival) => rival.fits && rival.count === chosen[0]?.count && rival.refused === chosen[0]?.refused);
        expect(chosen[0]?.total).toBeGreaterThanOrEqual(Math.max(...rivals.map((rival) => rival.total)) - 2e-6);
      });
    });
  });

  it('binpack opens a node only when those it has opened are full', () => {
    check((asked, nodes) => {
      const { nodeIds } = place({ ...asked, perReplica: { ...asked.perReplica, cpuCores: 0.5 }, strategy: 'binpack' }, nodes);
      const runs = nodeIds.filter((id, index) => id !== nodeIds[index - 1]);
      expect(new Set(runs).size).toBe(runs.length);
    });
  });

  it('explains exactly what it placed', () => {
    check((asked, nodes) => {
      const { nodeIds, found, shortfall, explanation } = place(asked, nodes);
      expect(explanation.candidates.reduce((sum, candidate) => sum + candidate.replicas, 0)).toBe(nodeIds.length);
      expect([found, explanation.placed]).toEqual([nodeIds.length, nodeIds.length]);
      expect(explanation.nodesWithCapacity + explanation.nodesRejected).toBe(nodes.length);
      expect(explanation.rejected.every((rejected) => rejected.reasons.length > 0)).toBe(true);
      expect(shortfall === null).toBe(found === asked.replicas);
      expect(shortfall ?? '; a reason').toContain('; ');
    });
  });

  it('never places fewer replicas when a node is added', () => {
    fc.assert(
      fc.property(request(12), fleet(8), node, (asked, nodes, added) => {
        const more = [...nodes, { ...added, id: 'added', name: 'added' }];
        expect(place(asked, more).found).toBeGreaterThanOrEqual(place(asked, nodes).found);
      }),
      { numRuns: 300 },
    );
  });

  it('places as many replicas as any assignment could', () => {
    /** Tries every way to distribute replicas, one node after the other. */
    const best = (asked: PlacementRequest, nodes: readonly Candidate[], wanted: number): number => {
      const [first, ...others] = nodes;
      if (first === undefined || wanted === 0) return 0;
      let most = 0;
      for (let count = 0; count <= wanted; count++) {
        const stacks = asked.strategy === 'distinct' && count + first.ownReplicas > 1;
        const fits = first.unavailable === null && count <= room(first, asked.perReplica) && !stacks;
        if (count === 0 || fits) most = Math.max(most, count + best(asked, others, wanted - count));
      }
      return most;
    };
    fc.assert(
      fc.property(request(5), fleet(4), (asked, nodes) => {
        expect(place(asked, nodes).found).toBe(best(asked, nodes, asked.replicas));
      }),
      { numRuns: 300 },
    );
  });
});
