import { aReplica, NOW, secondsAgo } from '../../test/support/plan-input';
import type { PlanReplica } from './plan.types';
import { routedReplicas, routingAfter, type Routing } from './routing';

const PORT = { containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 32_768 } as const;
const node = { id: 'n1', name: 'edge', runtime: 'docker', endpoint: null, address: null } as const;
const running = (id: string, over: Partial<PlanReplica> = {}): PlanReplica => aReplica(id, { published: [PORT], ...over });
const backend = (replicaId: string, address = '127.0.0.1:32768') => ({ replicaId, ports: { 80: address } });
const aRouting = (over: Partial<Routing> = {}): Routing => ({ version: 3, ports: [80], backends: [], leaving: [], ...over });
const after = (
  routing: Routing | null,
  replicas: readonly PlanReplica[],
  { moves = [], refresh = [], at = node }: Partial<Parameters<typeof routingAfter>[1]> & { at?: object } = {},
) => routingAfter({ routing, replicas, nodes: new Map([['n1', { ...node, ...at }]]), now: NOW }, { moves, refresh });

describe('routingAfter', () => {
  it('is nothing without routes, and nothing without a change', () => {
    expect(after(null, [running('a')])).toBeNull();
    expect(after(aRouting({ backends: [backend('a')] }), [running('a')])).toBeNull();
  });

  it('lets a replica join with the move that records it as running, with the ports of that move', () => {
    const move = { replicaId: 'a', from: 'starting', to: 'running', reason: null, published: [PORT] } as const;
    expect(after(aRouting(), [aReplica('a', { status: 'starting' })], { moves: [move] })).toEqual({
      version: 3,
      backends: [backend('a')],
      leaving: [],
    });
  });

  it('lets it leave with the move that records anything else', () => {
    const move = { replicaId: 'a', from: 'running', to: 'failed', reason: null } as const;
    const change = after(aRouting({ backends: [backend('a'), backend('b')] }), [running('a'), running('b')], { moves: [move] });
    expect(change).toEqual({ version: 3, backends: [backend('b')], leaving: [{ replicaId: 'a', since: NOW.toISOString(), outIn: null }] });
  });

  it.each<[string, Partial<PlanReplica>]>([
    ['stopping', { status: 'stopping' }],
    ['paused', { paused: true }],
    ['failed', { status: 'failed' }],
    ['restarted by hand, and has not passed its health check again', { check: { run: 'r', healthy: null, reason: null }, healthy: null }],
    ['failing its health check', { check: { run: 'r', healthy: false, reason: 'No answer' }, healthy: false }],
  ])('leaves out a replica that is %s', (_words, over) => {
    expect(after(aRouting({ backends: [backend('a')] }), [running('a', over)])).toMatchObject({
      backends: [],
      leaving: [{ replicaId: 'a' }],
    });
  });

  it('follows what an engine shows: a pause, and other ports', () => {
    const refresh = { replicaId: 'a', startedAt: null, paused: false, published: [{ ...PORT, hostPort: 40_000 }] };
    const routing = aRouting({ backends: [backend('a')] });
    expect(after(routing, [running('a')], { refresh: [refresh] })?.backends).toEqual([backend('a', '127.0.0.1:40000')]);
    expect(after(routing, [running('a')], { refresh: [{ ...refresh, paused: true }] })?.backends).toEqual([]);
  });

  it('keeps what leaves until its container has gone, and forgets it then', () => {
    const leaving = [{ replicaId: 'a', since: secondsAgo(1).toISOString(), outIn: 7, drained: true }];
    expect(after(aRouting({ leaving }), [running('a', { status: 'stopping' })])).toBeNull();
    expect(after(aRouting({ leaving }), [])).toEqual({ version: 3, backends: [], leaving: [] });
  });

  it('reaches ports at the address of their node, and leaves out those that are not reached', () => {
    const anywhere = [{ ...PORT, hostIp: '0.0.0.0' }];
    const at = { address: 'fd00::7' };
    expect(after(aRouting(), [running('a', { published: anywhere })], { at })?.backends).toEqual([backend('a', '[fd00::7]:32768')]);
    expect(after(aRouting(), [running('a')], { at })?.backends).toEqual([{ replicaId: 'a', ports: {} }]);
    expect(after(aRouting(), [running('a')], { at: { runtime: 'simulated' } })?.backends).toEqual([backend('a', 'simulated')]);
  });
});

describe('routedReplicas', () => {
  it('are the backends, and those that leave and are not drained', () => {
    const leaves = (replicaId: string, drained: boolean) => ({ replicaId, since: NOW.toISOString(), outIn: 1, drained });
    const routing = aRouting({ backends: [backend('a')], leaving: [leaves('b', false), leaves('c', true)] });
    expect([...routedReplicas(routing)]).toEqual(['a', 'b']);
    expect(routedReplicas(null).size).toBe(0);
  });
});
