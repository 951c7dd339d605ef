import type { ExplainedCandidate, PlacementExplanation, RejectedNode } from '../../scheduling/place.types';

/**
 * An explanation as it is stored. Nodes are rows of values without the names of the values: to parse and compress objects for them took
 * PostgreSQL a fifth of all that deploying a single replica costs it.
 */
export interface StoredExplanation extends PlacementExplanation {
  /** Of nodes that were stored as objects, as earlier versions did; else empty, which those can still show. */
  readonly candidates: readonly ExplainedCandidate[];
  readonly rejected: readonly RejectedNode[];
  readonly candidateRows?: readonly CandidateRow[];
  readonly rejectedRows?: readonly RejectedRow[];
}

type CandidateRow = readonly [
  nodeId: string,
  nodeName: string,
  replicas: number,
  ...score: readonly [total: number, free: number, cpuIdle: number, memoryIdle: number, locality: number, latencyMs: number],
];

type RejectedRow = readonly [nodeId: string, nodeName: string, ...reasons: readonly string[]];

export const encodeExplanation = ({ candidates, rejected, ...rest }: PlacementExplanation): StoredExplanation => ({
  candidates: [],
  rejected: [],
  candidateRows: candidates.map(({ nodeId, nodeName, replicas, score }) => {
    const { total, free, cpuIdle, memoryIdle, locality, latencyMs } = score;
    return [nodeId, nodeName, replicas, total, free, cpuIdle, memoryIdle, locality, latencyMs];
  }),
  rejectedRows: rejected.map(({ nodeId, nodeName, reasons }) => [nodeId, nodeName, ...reasons]),
  ...rest,
});

export const decodeExplanation = ({ candidateRows, rejectedRows, ...rest }: StoredExplanation): PlacementExplanation => ({
  ...rest,
  candidates: candidateRows?.map(candidateOf) ?? rest.candidates,
  rejected: rejectedRows?.map(([nodeId, nodeName, ...reasons]) => ({ nodeId, nodeName, reasons })) ?? rest.rejected,
});

function candidateOf([nodeId, nodeName, replicas, ...score]: CandidateRow): ExplainedCandidate {
  const [total, free, cpuIdle, memoryIdle, locality, latencyMs] = score;
  return { nodeId, nodeName, replicas, score: { total, free, cpuIdle, memoryIdle, locality, latencyMs } };
}
