import type { EngineInfo } from '../../engines/engine-info';
import type { NodeTarget } from '../../engines/node-target';
import { requireHeard, type AgentState } from './agent-state';

const target: NodeTarget = { id: 'n', name: 'edge-7', runtime: 'agent', endpoint: null, engineId: 'e' };
const heard: AgentState = {
  isLinked: true,
  hasReported: true,
  heardMsAgo: 44_000,
  engine: { engineId: 'e' } as EngineInfo,
  engineTrouble: null,
  intruder: null,
  workloads: [],
  orders: [],
  troubles: [],
  progress: {},
};

describe('what is known of a node through its agent', () => {
  it('says something of now while the agent is heard', () => expect(() => requireHeard(target, heard)).not.toThrow());

  it.each<[string, Partial<AgentState> | null]>([
    ['No machine has joined node edge-7 yet', null],
    ['The agent of node edge-7 has never been heard', { heardMsAgo: null }],
    ['The agent of node edge-7 was last heard 14:03:11 ago', { heardMsAgo: 50_591_900 }],
    ['The agent of node edge-7 was last heard 00:00:00 ago', { isLinked: false, heardMsAgo: 12 }],
    ['The agent of node edge-7 was last heard 100:00:46 ago', { heardMsAgo: 360_046_000 }],
    ['The agent of node edge-7 is back and has not reported yet', { hasReported: false }],
    ['The engine of node edge-7 does not answer its agent: it is down', { engine: null, engineTrouble: 'it is down' }],
    ['Another engine answers in place of the one of this node', { engine: { engineId: 'x' } as EngineInfo }],
  ])('says: %s', (words, over) => {
    expect(() => requireHeard(target, over && { ...heard, ...over })).toThrow(
      expect.objectContaining({ failure: 'unreachable', message: words, wordsForAdministrators: words }),
    );
  });

  it('names a machine that was refused to administrators alone', () => {
    const intruder = { hostname: 'thief', address: '203.0.113.7', at: '2026-01-01T00:00:00Z' };
    expect(() => requireHeard(target, { ...heard, heardMsAgo: 46_000, intruder })).toThrow(
      expect.objectContaining({
        message: 'The agent of node edge-7 was last heard 00:00:46 ago',
        wordsForAdministrators: expect.stringContaining('thief at 203.0.113.7') as string,
      }),
    );
  });
});
