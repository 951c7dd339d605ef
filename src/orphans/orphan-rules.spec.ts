import type { ContainerSpec } from '../engines/container-spec';
import { specDigest } from '../engines/spec-digest';
import { adoptObstacle, adviceOn, reapObstacle } from './orphan-rules';
import type { OrphanView } from './orphan.types';

const spec: ContainerSpec = {
  image: 'nginx:1.27',
  command: null,
  env: {},
  resources: { cpuCores: 1, memoryMb: 512, gpuUnits: 0, storageGb: 10 },
  ports: [],
  healthCheck: null,
};
type Deployment = NonNullable<OrphanView['deployment']>;
const deployment: Deployment = {
  name: 'web',
  ownerId: 'u1',
  status: 'running',
  generation: 2,
  revision: 3,
  openRollout: null,
  targetReplicas: 2,
  running: 1,
  spec,
  imageDigest: null,
};
const facts: OrphanView['facts'] = { phase: 'running', generation: 2, specDigest: specDigest(spec), imageDigest: null };
const orphan: OrphanView = {
  id: 'o1',
  kind: 'container',
  subject: 'c1',
  nodeId: 'n1',
  nodeName: 'edge-1',
  nodeFault: null,
  engineId: 'e1',
  replicaId: 'r1',
  facts,
  state: 'found',
  version: 1,
  sightings: 2,
  firstSeenAt: new Date(0),
  lastSeenAt: new Date(0),
  decidedAt: null,
  attempts: 0,
  lastError: null,
  endedAt: null,
  replicaStatus: null,
  deploymentId: 'd1',
  knowledge: 'live',
  deployment,
};
const having = (over: Partial<OrphanView>, of: Partial<Deployment> = {}, shown: OrphanView['facts'] = {}): OrphanView => ({
  ...orphan,
  deployment: { ...deployment, ...of },
  facts: { ...facts, ...shown },
  ...over,
});
const words = (view: OrphanView, raiseTarget = false): string | null => adoptObstacle(view, { raiseTarget })?.detail ?? null;

describe('an adoption', () => {
  it('is possible for a container that is as a missing replica would be', () => {
    expect(words(orphan)).toBeNull();
    expect(words(having({}, { imageDigest: 'sha256:1' }, { imageDigest: 'sha256:1' }))).toBeNull();
    expect(words(having({}, {}, { generation: 5 }))).toBeNull();
    expect(words(having({}, { status: 'scheduled' }))).toBeNull();
    expect(adviceOn(orphan)).toBe('adopt');
  });

  it.each<[string, OrphanView, RegExp]>([
    ['one that is being reaped', having({ state: 'reaping' }), /being reaped/],
    ['one that was reaped', having({ state: 'reaped' }), /has been reaped/],
    ['one that was adopted', having({ state: 'adopted' }), /has been adopted/],
    ['labels without a replica', having({ replicaId: null }), /No label/],
    ['an unknown deployment', having({ deployment: null, knowledge: 'unknown' }), /not known/],
    ['a deleted deployment', having({}, { status: 'deleted' }), /restore that first/],
    ['a stopped deployment', having({}, { status: 'stopped' }), /is stopped/],
    ['a failed deployment', having({}, { status: 'failed' }), /retry/],
    ['a pending deployment', having({}, { status: 'pending' }), /is pending/],
    ['a replica that is over', having({ replicaStatus: 'stopped' }), /removed by itself/],
    ['a replica that runs', having({ replicaStatus: 'running' }), /Its replica is running/],
    ['labels without a digest', having({}, {}, { specDigest: null }), /earlier version/],
    ['another spec', having({}, { spec: { ...spec, image: 'nginx:1.28' } }), /something else than revision 3/],
    ['another image', having({}, { imageDigest: 'sha256:1' }, { imageDigest: 'sha256:2' }), /another image/],
    ['an image that nobody chose', having({}, { imageDigest: 'sha256:1' }), /another image/],
    ['an earlier generation', having({}, {}, { generation: 1 }), /earlier start/],
    ['no generation', having({}, {}, { generation: null }), /earlier start/],
    ['a container that has ended', having({}, {}, { phase: 'exited' }), /exited/],
    ['an open rollout', having({}, { openRollout: 2 }), /rollout/],
    ['all replicas running', having({}, { running: 2 }), /All 2 replicas .* raise_target/],
    ['a node that is away', having({ nodeFault: 'offline: no answer for 60 s' }), /offline/],
  ])('is refused for %s', (_what, view, expected) => {
    expect(adoptObstacle(view, { raiseTarget: false })).toEqual({ code: 'conflict', detail: expect.stringMatching(expected) });
    expect(adviceOn(view)).not.toBe('adopt');
  });

  it('makes one more replica where all run, if that is said', () => {
    expect(words(having({}, { running: 2 }), true)).toBeNull();
    expect(words(having({}, { running: 2, openRollout: 1 }), true)).toMatch(/rollout/);
  });

  it.each(['replica', 'route'] as const)('makes no sense for a %s', (kind) => {
    expect(adoptObstacle(having({ kind }), { raiseTarget: false })).toMatchObject({ code: 'validation_failed' });
  });
});

describe('a reap', () => {
  it.each(['container', 'replica', 'route'] as const)('is possible for a %s that was not decided about', (kind) => {
    expect(reapObstacle(having({ kind }))).toBeNull();
  });

  it('is refused for what is decided or cannot be addressed', () => {
    for (const state of ['reaping', 'reaped', 'adopted'] as const)
      expect(reapObstacle(having({ state }))).toMatchObject({ code: 'conflict' });
    expect(reapObstacle(having({ replicaId: null }))).toMatchObject({ detail: expect.stringContaining('by hand') });
  });
});

describe('the advice', () => {
  it('is to wait for what goes by itself', () => {
    expect(adviceOn(having({ replicaStatus: 'stopped' }))).toBe('wait');
    expect(adviceOn(having({ knowledge: 'purged', deployment: null }))).toBe('wait');
    expect(adviceOn(having({ state: 'reaping' }))).toBe('wait');
    expect(adviceOn(having({ replicaId: null }))).toBe('by_hand');
    expect(adviceOn(having({ knowledge: 'unknown', deployment: null }))).toBe('reap');
    expect(adviceOn(having({ kind: 'route' }))).toBe('reap');
  });
});
