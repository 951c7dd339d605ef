import fc from 'fast-check';
import type { FleetNode } from '../engines/fleet-node';
import { Fleet, amountsOf } from './fleet';
import { place } from './place';
import { PLACEMENT_STRATEGIES, type Placement, type PlacementRequest } from './place.types';
import { EXACT_NODES, sampleSize } from './sample';
import { score } from './score';

const REGIONS = ['us-east', 'us-west', 'eu-west', 'moon'] as const;
const SIZES = [4, 16, 64] as const;

/** Makes the same fleet for the same seed: nodes of three sizes, unequally used; `full` of a hundred have no room. */
function fleetNodes(nodes: number, { seed, full = 0, gpus = 0.1 }: { seed: number; full?: number; gpus?: number }): FleetNode[] {
  let state = seed + 1;
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const whole = (below: number): number => Math.floor(random() * below);
  return Array.from({ length: nodes }, (_, index) => {
    const cpuCores = SIZES[whole(SIZES.length)] ?? 4;
    const capacity = { cpuCores, memoryMb: cpuCores * 2048, gpuUnits: random() < gpus ? 1 : 0, storageGb: cpuCores * 25 };
    const isFull = whole(100) < full;
    return {
      id: `n${String(index).padStart(6, '0')}`,
      name: `node-${String(index)}`,
      region: REGIONS[whole(REGIONS.length)] ?? 'moon',
      capacity,
      reserved: isFull ? capacity : { cpuCores: whole(4) / 2, memoryMb: whole(4) * 512, gpuUnits: 0, storageGb: whole(20) },
      cpuUsagePercent: whole(90),
      memoryUsagePercent: whole(90),
      unavailable: whole(20) === 0 ? 'offline' : null,
    };
  });
}

const aRequest = (over: Partial<PlacementRequest> = {}): PlacementRequest => ({
  replicas: 1,
  perReplica: { cpuCores: 0.5, memoryMb: 512, gpuUnits: 0, storageGb: 10 },
  region: 'us-east',
  strategy: 'spread',
  ...over,
});

/** The mean score of the replicas, each for what was free when it was placed. */
function meanScore({ nodeIds }: Placement, fleet: Fleet, { perReplica, region }: PlacementRequest): number {
  const counts = new Map<string, number>();
  const scores = nodeIds.map((id) => {
    const times = (counts.get(id) ?? 0) + 1;
    counts.set(id, times);
    const at = fleet.placeOf(id) ?? -1;
    const node = fleet.nodes[at];
    if (!node) throw new Error(`${id} is not in the fleet`);
    return score(node, fleet.leftOn(at, amountsOf(perReplica), times), region).total;
  });
  return scores.reduce((sum, one) => sum + one, 0) / scores.length;
}

const orders = fc.record({
  nodes: fc.integer({ min: EXACT_NODES + 1, max: 1000 }),
  seed: fc.integer({ min: 0, max: 1e6 }),
  full: fc.constantFrom(0, 50, 90, 99, 100),
  replicas: fc.integer({ min: 1, max: 100 }),
  gpuUnits: fc.constantFrom(0, 0, 0, 1),
  strategy: fc.constantFrom(...PLACEMENT_STRATEGIES),
  region: fc.constantFrom(...REGIONS, 'elsewhere'),
  owned: fc.integer({ min: 0, max: 60 }),
});

describe('placement on a large fleet', () => {
  const check = (
    predicate: (sampled: Placement, exact: Placement, fleet: Fleet, own: ReadonlyMap<string, number>, asked: PlacementRequest) => void,
  ) => {
    fc.assert(
      fc.property(orders, ({ nodes, seed, full, replicas, gpuUnits, strategy, region, owned }) => {
        const fleet = new Fleet(fleetNodes(nodes, { seed, full }));
        const own = new Map(
          fleet.nodes
            .filter((_, index) => index % 7 === 0)
            .slice(0, owned)
            .map(({ id }, index) => [id, 1 + (index % 2)]),
        );
        const asked = aRequest({ replicas, strategy, region, perReplica: { cpuCores: 0.5, memoryMb: 512, gpuUnits, storageGb: 10 } });
        predicate(place(asked, fleet, { own }), place(asked, fleet, { own, exact: true }), fleet, own, asked);
      }),
      { numRuns: 60 },
    );
  };

  it('finds as many places as a look at every node does, and says so in the same words when they do not suffice', () => {
    check((sampled, exact) => {
      expect(sampled.found).toBe(exact.found);
      expect(sampled.shortfall).toBe(exact.shortfall);
    });
  });

  it('uses as many different nodes, and no node more often', () => {
    check((sampled, exact, _fleet, own, { strategy }) => {
      if (strategy === 'binpack') return;
      const most = ({ nodeIds }: Placement): number => {
        const counts = new Map(own);
        for (const id of nodeIds) counts.set(id, (counts.get(id) ?? 0) + 1);
        return Math.max(0, ...nodeIds.map((id) => counts.get(id) ?? 0));
      };
      expect(new Set(sampled.nodeIds).size).toBe(new Set(exact.nodeIds).size);
      expect(most(sampled)).toBe(most(exact));
    });
  });

  it('never goes over the capacity of a node, and uses only available ones', () => {
    check(({ nodeIds }, _exact, fleet, own, { perReplica, strategy }) => {
      const wrong: string[] = [];
      fleet.take(nodeIds, amountsOf(perReplica));
      for (const id of new Set(nodeIds)) {
        const at = fleet.placeOf(id) ?? -1;
        const hasRoom = Object.values(fleet.leftOn(at, amountsOf(perReplica), 0)).every((left: number) => left >= 0);
        const mayHold = fleet.nodes[at]?.unavailable === null && !(strategy === 'distinct' && own.has(id));
        if (!hasRoom || !mayHold) wrong.push(id);
      }
      expect(wrong).toEqual([]);
    });
  });

  it('leaves the fleet as it was', () => {
    check((_sampled, exact, fleet, own, asked) => {
      expect(place(asked, fleet, { own, exact: true })).toEqual(exact);
    });
  });

  it('says that it did not look at all nodes, and how many there are', () => {
    const fleet = new Fleet(fleetNodes(5_000, { seed: 3 }));
    const { explanation } = place(aRequest(), fleet);
    expect(explanation).toMatchObject({ nodesTotal: 5_000, sampled: true, nodesWithCapacity: sampleSize(1) });
    expect(explanation.nodesConsidered).toBe(explanation.nodesWithCapacity + explanation.nodesRejected);
    expect(explanation.nodesConsidered).toBeLessThan(200);
    expect(place(aRequest(), fleet, { own: new Map(), exact: true }).explanation).toMatchObject({ nodesConsidered: 5_000, sampled: false });
  });

  it('looks at every node of a small one', () => {
    const { explanation } = place(aRequest(), new Fleet(fleetNodes(EXACT_NODES, { seed: 3 })));
    expect(explanation).toMatchObject({ nodesConsidered: EXACT_NODES, sampled: false });
  });

  it.each([
    [10_000, 1, 0.98],
    [10_000, 100, 0.98],
    [100_000, 10, 0.95],
  ])(
    'chooses nearly as well on %d nodes by %d replicas a call, while the fleet fills: at least %d of the exact score',
    (nodes, perCall, least) => {
      const fleet = new Fleet(fleetNodes(nodes, { seed: 11 }));
      const asked = aRequest({ replicas: perCall });
      for (let round = 0; round < 3; round++) {
        const [sampled, exact] = [place(asked, fleet), place(asked, fleet, { own: new Map(), exact: true })];
        expect(meanScore(sampled, fleet, asked) / meanScore(exact, fleet, asked)).toBeGreaterThanOrEqual(least);
        for (let placed = 0; placed < nodes * 3; placed += 100) {
          const { nodeIds } = place(aRequest({ replicas: 100, region: REGIONS[placed % 3] }), fleet);
          fleet.take(nodeIds, amountsOf(asked.perReplica));
        }
      }
    },
  );

  it('gives back what was taken, and then chooses as before', () => {
    const fleet = new Fleet(fleetNodes(2_000, { seed: 5 }));
    const asked = aRequest({ replicas: 50 });
    const before = place(asked, fleet, { own: new Map(), exact: true });
    fleet.take([...before.nodeIds, 'unknown'], amountsOf(asked.perReplica));
    expect(place(asked, fleet, { own: new Map(), exact: true })).not.toEqual(before);
    fleet.giveBack([...before.nodeIds, 'unknown'], amountsOf(asked.perReplica));
    expect(place(asked, fleet, { own: new Map(), exact: true })).toEqual(before);
    expect(meanScore(place(asked, fleet), fleet, asked)).toBeGreaterThan(0.98 * meanScore(before, fleet, asked));
  });
});
