import type { FleetNode } from '../engines/fleet-node';
import { latencyBetween } from './region-latency';
import { score, SCORE_WEIGHTS } from './score';

const aNode = (over: Partial<FleetNode> = {}): FleetNode => ({
  id: 'n1',
  name: 'node-1',
  region: 'us-east',
  capacity: { cpuCores: 16, memoryMb: 32768, gpuUnits: 0, storageGb: 500 },
  reserved: { cpuCores: 0, memoryMb: 0, gpuUnits: 0, storageGb: 0 },
  cpuUsagePercent: 0,
  memoryUsagePercent: 0,
  unavailable: null,
  ...over,
});
const left = (cpuCores: number, memoryMb: number) => ({ cpuCores, memoryMb, gpuUnits: 0, storageGb: 0 });

describe('score', () => {
  it.each([
    // 0.4 × 1 + 0.15 + 0.15 + 0.3 × 0.975
    ['is highest on an idle, empty node in the region', aNode(), left(16, 32768), 0.9925],
    // 0.4 × (12/16 + 24576/32768) / 2 + 0.3 + 0.2925
    ['counts what stays free after placement', aNode(), left(12, 24576), 0.8925],
    // 0.4 × (4/16 + 32768/32768) / 2 + 0.3 + 0.2925
    ['takes the mean of CPU and memory', aNode(), left(4, 32768), 0.8425],
    // 0.4 × 0 + 0.3 + 0.2925
    ['gives nothing for a node that would be full', aNode(), left(0, 0), 0.5925],
    // 0.4 + 0.15 × 0.4 + 0.15 × 0.75 + 0.2925
    ['prefers low usage', aNode({ cpuUsagePercent: 60, memoryUsagePercent: 25 }), left(16, 32768), 0.865],
    // 0.4 + 0.3 + 0.3 × (1 − 65/200)
    ['prefers near regions', aNode({ region: 'us-west' }), left(16, 32768), 0.9025],
    // 0.4 + 0.3 + 0
    ['gives an unknown region no locality', aNode({ region: 'moon' }), left(16, 32768), 0.7],
    [
      'stays in range when an engine reports more than 100 % or less than 0',
      aNode({ cpuUsagePercent: 130, memoryUsagePercent: -5 }),
      left(16, 32768),
      0.8425,
    ],
    ['survives a node without memory', aNode({ capacity: left(16, 0) }), left(16, 0), 0.7925],
  ])('%s', (_name, node, free, total) => {
    expect(score(node, free, 'us-east').total).toBe(total);
  });

  it('shows its parts', () => {
    const node = aNode({ region: 'eu-west', cpuUsagePercent: 10, memoryUsagePercent: 20 });
    expect(score(node, left(14, 28672), 'us-east')).toEqual({
      total: 0.7925,
      free: 0.875,
      cpuIdle: 0.9,
      memoryIdle: 0.8,
      locality: 0.625,
      latencyMs: 75,
    });
  });

  it('has weights that add up to one', () => {
    const { free, cpuIdle, memoryIdle, locality } = SCORE_WEIGHTS;
    expect(free + cpuIdle + memoryIdle + locality).toBeCloseTo(1, 12);
  });
});

describe('latencyBetween', () => {
  it.each([
    ['us-east', 'us-east', 5],
    ['us-east', 'us-west', 65],
    ['us-central', 'us-east', 30],
    ['eu-west', 'eu-central', 25],
    ['ap-southeast', 'ap-northeast', 70],
    ['sa-east', 'ap-northeast', 200],
    ['us-east', 'moon', 200],
    ['mars', 'moon', 200],
    ['moon', 'moon', 5],
    ['', '', 200],
    ['__proto__', 'constructor', 200],
  ])('%s to %s takes %d ms, both ways', (a, b, ms) => {
    expect([latencyBetween(a, b), latencyBetween(b, a)]).toEqual([ms, ms]);
  });

  it('knows a way between any two regions that is longer than within one and no longer than to an unknown one', () => {
    const regions = 'us-east us-central us-west sa-east eu-west eu-central eu-north ap-south ap-southeast ap-northeast'.split(' ');
    const ways = regions.flatMap((a) => regions.filter((b) => b !== a).map((b) => latencyBetween(a, b)));
    expect(ways).toHaveLength(90);
    expect(ways.every((ms) => ms > 5 && ms <= 200)).toBe(true);
    for (const region of regions) expect(regions.some((other) => other !== region && latencyBetween(region, other) < 200)).toBe(true);
  });
});
