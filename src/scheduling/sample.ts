import type { Fleet, Region } from './fleet';
import { OpenNodes } from './open-nodes';
import type { PlacementContext, PlacementRequest } from './place.types';
import { latencyBetween } from './region-latency';
import { localityOf } from './score';

/** In a fleet of at most so many nodes all are looked at, and the choice is exact. */
export const EXACT_NODES = 256;
/** In a larger fleet so many nodes with room are enough to choose from: a number for each replica, but at least this many. */
const SAMPLE_NODES = 128;
const SAMPLE_PER_REPLICA = 4;

export const sampleSize = (replicas: number): number => Math.max(SAMPLE_NODES, SAMPLE_PER_REPLICA * replicas);

/** How far the look at one region has come: the next place, or -1 at the end. */
interface Walk {
  readonly region: Region;
  readonly locality: number;
  visited: number;
  place: number;
}

/**
 * Looks at nodes, the best of each region first, until enough have room: half of them in the nearest region, half of the rest
 * in the next one, and so on. Where few have room it ends up looking at the whole fleet, so a placement never falls short
 * because a node was overlooked. Unless nodes are to be filled (`binpack`), a node with a replica of this deployment does not
 * count towards enough, because `spread` prefers nodes without one; nor does a node that has refused one.
 */
export function sample(request: PlacementRequest, fleet: Fleet, { own, exact, refusals = new Map() }: PlacementContext): OpenNodes {
  const enough = exact === true || fleet.size <= EXACT_NODES ? Infinity : sampleSize(request.replicas);
  const open = new OpenNodes(fleet, request, { own, refusals }, enough);
  const isFilling = request.strategy === 'binpack';
  const walks = fleet.regionsFrom(request.region).map((region): Walk => {
    const place = isFilling ? (region.nodes[0] ?? -1) : fleet.ranking.best(region.index);
    return { region, locality: localityOf(latencyBetween(request.region, region.name)), visited: 0, place };
  });
  for (const [index, walk] of walks.entries()) {
    const rest = enough - open.fresh;
    go(walk, open, open.fresh + (index === walks.length - 1 ? rest : Math.ceil(rest / 2)), isFilling);
  }
  for (const walk of walks) go(walk, open, enough, isFilling);
  return open;
}

/** `binpack` looks at nodes by id, so that those at the front of the fleet fill up and those behind stay empty. */
function go(walk: Walk, open: OpenNodes, until: number, isFilling: boolean): void {
  const { region, locality } = walk;
  while (walk.place >= 0 && open.fresh < until) {
    open.consider(walk.place, locality);
    walk.visited += 1;
    walk.place = isFilling ? (region.nodes[walk.visited] ?? -1) : open.fleet.ranking.after(walk.place);
  }
}
