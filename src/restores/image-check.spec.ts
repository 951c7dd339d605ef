import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RestorationCandidate } from './restoration.repository';
import type { NodesRepository } from '../nodes/nodes.repository';
import { DriverError, type RuntimeDriver } from '../runtime/runtime-driver';
import type { Runtimes } from '../runtime/runtimes';
import type { RegistryCredentials } from '../secrets/registry-credentials';
import { ImageCheck } from './image-check';

const DELETED = {
  image: 'edge-only:1',
  statusBefore: 'running',
  targetReplicas: 2,
  warmReplicaIds: [] as readonly string[],
  lastNodeIds: [] as readonly string[],
} as RestorationCandidate;

type Answer = (nodeId: string, signal: AbortSignal) => Promise<boolean>;
const no: Answer = () => Promise.resolve(false);
const onlyOn =
  (nodeId: string): Answer =>
  (asked) =>
    Promise.resolve(asked === nodeId);
const cannotTell = (): Promise<never> => Promise.reject(new DriverError('unreachable', 'The engine does not answer'));
const untilAbort = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new DriverError('aborted', 'Called off'))));

/** The result for an image in a fleet of n0, n1, …, and which nodes were asked, in order. */
async function said(nodes: number, answer: Answer, over: Partial<RestorationCandidate> = {}): Promise<{ state: string; asked: string[] }> {
  const targets = Array.from({ length: nodes }, (_unused, n) => ({ id: `n${n}`, online: true }));
  const asked: string[] = [];
  const offersImage = (({ id }, _image, signal) => {
    asked.push(id);
    return answer(id, signal);
  }) as RuntimeDriver['offersImage'];
  const check = new ImageCheck(
    { targets: () => Promise.resolve([...targets, { id: 'away', online: false }]) } as unknown as NodesRepository,
    { kinds: ['simulated'], driverFor: () => ({ offersImage }) } as unknown as Runtimes,
    { for: () => Promise.resolve(null) } as unknown as RegistryCredentials,
  );
  return { state: await check.state({ ...DELETED, ...over }), asked };
}

describe('the check of an image before a restore', () => {
  it('finds an image that only the last of many nodes has: asking three of them refused such restores', async () => {
    expect((await said(4, onlyOn('n3'))).state).toBe('available');
    expect((await said(100, onlyOn('n99'))).state).toBe('available');
  });

  it('asks the nodes where the replicas were first', async () => {
    const { asked } = await said(100, onlyOn('n70'), { lastNodeIds: ['n71', 'n70', 'removed'] });
    expect(asked.slice(0, 2)).toEqual(['n70', 'n71']);
    expect(asked.length).toBeLessThan(30);
  });

  it('says that it is unavailable only after every node that is online has said so', async () => {
    const { state, asked } = await said(50, no);
    expect(state).toBe('unavailable');
    expect(asked).toHaveLength(50);
    expect((await said(50, (id) => (id === 'n49' ? cannotTell() : Promise.resolve(false)))).state).toBe('unknown');
    expect((await said(0, no)).state).toBe('unknown');
  });

  it('asks no engine when no new container is needed: all are warm, or it comes back stopped', async () => {
    expect(await said(4, no, { warmReplicaIds: ['a', 'b'] })).toEqual({ state: 'unknown', asked: [] });
    expect(await said(4, no, { statusBefore: 'stopped' })).toEqual({ state: 'unknown', asked: [] });
    expect((await said(4, no, { warmReplicaIds: ['a'] })).state).toBe('unavailable');
  });

  it('asks a few engines at a time', async () => {
    let now = 0;
    let most = 0;
    await said(100, async () => {
      most = Math.max(most, ++now);
      await sleep(1);
      now--;
      return false;
    });
    expect(most).toBe(16);
  });

  it('calls the others off when one has it, and all when its time is up', async () => {
    expect((await said(3, (id, signal) => (id === 'n1' ? Promise.resolve(true) : untilAbort(signal)))).state).toBe('available');
    jest.useFakeTimers();
    try {
      const saying = said(3, (id, signal) => (id === 'n1' ? Promise.resolve(false) : untilAbort(signal)));
      await jest.advanceTimersByTimeAsync(5_000);
      expect((await saying).state).toBe('unknown');
    } finally {
      jest.useRealTimers();
    }
  });
});
