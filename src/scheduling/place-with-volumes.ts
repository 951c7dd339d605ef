import type { Resources } from '../engines/resources';
import { shortfallText } from './explain';
import type { Fleet } from './fleet';
import { place } from './place';
import type { PlacedVolumes, Placement, PlacementContext, PlacementExplanation, PlacementRequest } from './place.types';

/**
 * Chooses nodes for replicas that mount volumes: the node that has them, or one that keeps volumes and has room for all of the replicas and
 * for their new volumes. Pure, as `place` is.
 */
export function placeWithVolumes(request: PlacementRequest, fleet: Fleet, context: PlacementContext, volumes: PlacedVolumes): Placement {
  const { node, newGb } = volumes;
  if (node !== null) return onNode(request, fleet, context, { id: node.id, remark: `the ${volumes.words} is on node ${node.name}`, newGb });
  const keeping = fleet.nodes.some(({ keepsVolumes }) => keepsVolumes === false)
    ? fleet.subset(({ keepsVolumes }) => keepsVolumes !== false)
    : fleet;
  const together = { ...request, replicas: 1, perReplica: allOf(request, newGb) };
  const first = place(together, keeping, context);
  const [id] = first.nodeIds;
  if (id !== undefined) return onNode(request, fleet, context, { id, remark: `the ${volumes.words} has to be on one node`, newGb });
  const explanation = { ...first.explanation, requested: request.replicas, nodesTotal: fleet.size };
  return short({ ...explanation, volumes: `all replicas and the ${volumes.words} have to be on one node` });
}

/** No replica gets a node, because of what is said of the volumes. */
export function unplaced({ replicas, strategy }: PlacementRequest, fleet: Fleet, words: string): Placement {
  return short({
    strategy,
    requested: replicas,
    placed: 0,
    nodesTotal: fleet.size,
    nodesConsidered: 0,
    sampled: false,
    nodesWithCapacity: 0,
    nodesRejected: 0,
    nodesUnavailable: 0,
    nodesTaken: 0,
    candidates: [],
    rejected: [],
    shortages: [],
    volumes: words,
  });
}

function onNode(
  request: PlacementRequest,
  fleet: Fleet,
  context: PlacementContext,
  { id, remark, newGb }: { readonly id: string; readonly remark: string; readonly newGb: number },
): Placement {
  const only = fleet.subset((node) => node.id === id);
  only.take([id], [0, 0, 0, newGb]);
  const placement = place(request, only, context);
  const explanation = { ...placement.explanation, nodesTotal: fleet.size };
  if (placement.shortfall === null) return { ...placement, explanation };
  const missing = fleet.placeOf(id) === undefined ? `${remark}, which was removed` : remark;
  return { ...short({ ...explanation, volumes: missing }), nodeIds: placement.nodeIds, found: placement.found };
}

const short = (explanation: PlacementExplanation): Placement => ({
  nodeIds: [],
  found: 0,
  explanation,
  shortfall: shortfallText('Insufficient nodes', { explanation }),
});

/** What all replicas and their new volumes need together. */
const allOf = ({ perReplica, replicas }: PlacementRequest, newGb: number): Resources => ({
  cpuCores: Math.round(perReplica.cpuCores * replicas * 1000) / 1000,
  memoryMb: perReplica.memoryMb * replicas,
  gpuUnits: perReplica.gpuUnits * replicas,
  storageGb: perReplica.storageGb * replicas + newGb,
});
