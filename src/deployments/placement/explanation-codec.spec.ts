import type { PlacementExplanation } from '../../scheduling/place.types';
import { decodeExplanation, encodeExplanation } from './explanation-codec';

const explanation: PlacementExplanation = {
  strategy: 'spread',
  requested: 2,
  placed: 1,
  nodesTotal: 3,
  nodesConsidered: 3,
  sampled: false,
  nodesWithCapacity: 1,
  nodesRejected: 2,
  nodesUnavailable: 1,
  nodesTaken: 0,
  candidates: [
    {
      nodeId: 'a',
      nodeName: 'edge-a',
      replicas: 1,
      score: { total: 0.81, free: 0.5, cpuIdle: 0.9, memoryIdle: 0.7, locality: 0.25, latencyMs: 150 },
    },
  ],
  rejected: [
    { nodeId: 'b', nodeName: 'edge-b', reasons: ['node is offline'] },
    { nodeId: 'c', nodeName: 'edge-c', reasons: ['cpu: 2 cores needed, 1 core free', 'memory: 512 MB needed, 0 MB free'] },
  ],
  shortages: [{ dimension: 'cpuCores', needed: 2, largestFree: 1, nodesShort: 1 }],
};

describe('A stored explanation', () => {
  const stored = (value: PlacementExplanation): unknown => JSON.parse(JSON.stringify(encodeExplanation(value)));

  it('is read as it was written', () => {
    expect(decodeExplanation(stored(explanation) as never)).toEqual(explanation);
  });

  it('is read from objects, as earlier versions wrote it', () => {
    expect(decodeExplanation(JSON.parse(JSON.stringify(explanation)) as never)).toEqual(explanation);
  });

  it('can be shown by earlier versions, which expect lists', () => {
    expect(stored(explanation)).toMatchObject({ requested: 2, candidates: [], rejected: [] });
  });
});
