import type { FleetNode } from '../engines/fleet-node';
import type { Resources } from '../engines/resources';
import { Fleet } from './fleet';
import { placeWithVolumes, unplaced } from './place-with-volumes';
import type { PlacementRequest } from './place.types';

const NOTHING: Resources = { cpuCores: 0, memoryMb: 0, gpuUnits: 0, storageGb: 0 };
const EACH: Resources = { cpuCores: 1, memoryMb: 512, gpuUnits: 0, storageGb: 10 };
const NO_CONTEXT = { own: new Map<string, number>() };

const aNode = (id: string, over: Partial<FleetNode> = {}): FleetNode => ({
  id,
  name: `node-${id}`,
  region: 'us-east',
  capacity: { cpuCores: 4, memoryMb: 4096, gpuUnits: 0, storageGb: 100 },
  reserved: NOTHING,
  cpuUsagePercent: 0,
  memoryUsagePercent: 0,
  unavailable: null,
  ...over,
});
const asking = (replicas: number, over: Partial<PlacementRequest> = {}): PlacementRequest => ({
  replicas,
  perReplica: EACH,
  region: 'us-east',
  strategy: 'spread',
  ...over,
});
const on = (id: string | null, newGb = 0) => ({ node: id === null ? null : { id, name: `node-${id}` }, words: 'volume data', newGb });

describe('placing replicas with volumes', () => {
  it('puts all of them on the node that has the volume, however good others are', () => {
    const fleet = new Fleet([aNode('a'), aNode('b', { cpuUsagePercent: 90, region: 'us-west' })]);
    const placed = placeWithVolumes(asking(2), fleet, NO_CONTEXT, on('b'));
    expect(placed).toMatchObject({ nodeIds: ['b', 'b'], shortfall: null, explanation: { nodesTotal: 2, placed: 2 } });
  });

  it('says where the volume is when its node takes no replicas', () => {
    const fleet = new Fleet([aNode('a'), aNode('b', { unavailable: 'offline' })]);
    expect(placeWithVolumes(asking(1), fleet, NO_CONTEXT, on('b')).shortfall).toBe(
      'Insufficient nodes: need 1, found 0 with capacity; 1 node not available (offline or in maintenance); the volume data is on node node-b',
    );
    expect(placeWithVolumes(asking(1), fleet, NO_CONTEXT, on('c')).shortfall).toContain(
      'the volume data is on node node-c, which was removed',
    );
  });

  it('chooses one node with room for all replicas and for the new volume', () => {
    const nodes = [aNode('a', { reserved: { ...NOTHING, storageGb: 50 } }), aNode('b'), aNode('c', { keepsVolumes: false })];
    expect(placeWithVolumes(asking(2), new Fleet(nodes), NO_CONTEXT, on(null, 40)).nodeIds).toEqual(['b', 'b']);
    const short = placeWithVolumes(asking(2), new Fleet(nodes), NO_CONTEXT, on(null, 90));
    expect(short).toMatchObject({ nodeIds: [], explanation: { requested: 2 } });
    expect(short.shortfall).toContain('all replicas and the volume data have to be on one node');
  });

  it('counts what was taken from the fleet since it was read', () => {
    const fleet = new Fleet([aNode('a')]);
    fleet.take(['a', 'a', 'a'], [1000, 512, 0, 10]);
    expect(placeWithVolumes(asking(1), fleet, NO_CONTEXT, on('a')).nodeIds).toEqual(['a']);
    expect(placeWithVolumes(asking(2), fleet, NO_CONTEXT, on('a'))).toMatchObject({ nodeIds: ['a'], found: 1 });
  });

  it('passes over nodes whose engines keep no volumes', () => {
    const fleet = new Fleet([aNode('a', { keepsVolumes: false })]);
    expect(placeWithVolumes(asking(1), fleet, NO_CONTEXT, on(null)).nodeIds).toEqual([]);
  });

  it('places none while something is in the way, and says what', () => {
    expect(unplaced(asking(3), new Fleet([aNode('a')]), 'the volume data is in use').shortfall).toBe(
      'Insufficient nodes: need 3, found 0 with capacity; the volume data is in use',
    );
  });
});
