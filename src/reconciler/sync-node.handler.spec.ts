import { getMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { aWorkload } from '../../test/support/plan-input';
import type { AppConfig } from '../config/app-config';
import type { LiveTarget } from '../engines/node-target';
import type { JobWish, Place } from '../jobs/job-kinds';
import type { JobQueue } from '../jobs/job-queue';
import type { PubSub } from '../database/pub-sub';
import type { NodesRepository } from '../nodes/nodes.repository';
import { DriverError, type ObservedWorkload, type RuntimeDriver } from '../runtime/runtime-driver';
import type { Sighted, SightedOrphan, SightingsRepository } from '../orphans/sightings.repository';
import type { Runtimes } from '../runtime/runtimes';
import type { NodeSyncRepository, ReplicaRecord } from './node-sync.repository';
import type { EntrancesRepository } from './entrances/entrances.repository';
import { SilentNodes } from './silent-nodes';
import type { StrayVolumes } from './stray-volumes';
import { SyncNodeHandler } from './sync-node.handler';

const D1 = '5f0c3c3e-0000-4000-8000-000000000001';
const D2 = '5f0c3c3e-0000-4000-8000-000000000002';
const NODE: LiveTarget = { id: 'n1', name: 'edge-1', runtime: 'simulated', endpoint: null, online: true, draining: false, lost: false };

describe('the sync of a node', () => {
  /** What was recorded and what was asked of the engine, in this order. */
  let done: string[];
  let node: LiveTarget;
  let silent: readonly string[];
  let records: readonly ReplicaRecord[];
  let shown: readonly ObservedWorkload[];
  let driver: Pick<RuntimeDriver, 'info' | 'list' | 'remove' | 'tidy'>;

  const note = (words: string): Promise<void> => {
    done.push(words);
    return Promise.resolve();
  };
  const handler = (): SyncNodeHandler =>
    new SyncNodeHandler(
      { NODE_SYNC_SECONDS: 5 } as AppConfig,
      {
        targetsOf: () => Promise.resolve([node]),
        heartbeat: () => note('heartbeat'),
        heartbeatFailed: (_id: string, words: string) => note(`no heartbeat: ${words}`),
      } as unknown as NodesRepository,
      {
        silent: () => Promise.resolve(silent),
        replicas: () => Promise.resolve(records),
      } as unknown as NodeSyncRepository,
      { kinds: ['simulated'], driverFor: () => driver } as unknown as Runtimes,
      { enqueueNow: (wishes: readonly JobWish[]) => note(`wake ${wishes.map(({ key }) => key).join()}`) } as unknown as JobQueue,
      { publish: () => undefined } as unknown as PubSub,
      silentNodes,
      {
        sight: (_node: unknown, seen: readonly Sighted[]) => Promise.resolve(seen.map(judged)),
        noteReaped: (id: string) => note(`reaped ${id}`),
        noteFailure: (id: string, words: string) => note(`not reaped ${id}: ${words}`),
      } as unknown as SightingsRepository,
      { enqueue: (id: string) => note(`entrances of ${id}`) } as unknown as EntrancesRepository,
      { look: () => Promise.resolve() } as unknown as StrayVolumes,
    );
  const judged = ({ kind, subject, deploymentId }: Sighted): SightedOrphan => ({
    id: subject,
    kind,
    subject,
    isNew: false,
    removes: deploymentId === D1,
  });

  let silentNodes: SilentNodes;
  /** Whether the run had its place, each time that changed. */
  let took: boolean[];
  const place: Place = { isTaken: true, leave: () => void took.push(false), take: () => void took.push(true) };

  beforeEach(() => {
    silentNodes = new SilentNodes();
    took = [];
    done = [];
    node = NODE;
    silent = [];
    records = [];
    shown = [];
    driver = {
      info: () => Promise.resolve({} as Awaited<ReturnType<RuntimeDriver['info']>>),
      list: () => Promise.resolve(shown),
      remove: (_node, replicaId) => note(`remove ${replicaId}`),
      tidy: () => note('tidy'),
    };
  });

  it('removes the other unclaimed containers when a stubborn one stays, for which the node is not to blame', async () => {
    shown = ['stubborn', 'a', 'b'].map((id) => aWorkload(id, 'exited', { deploymentId: D1 }));
    driver.remove = (_node, id) => (id === 'stubborn' ? Promise.reject(new DriverError('timeout', 'Not yet')) : note(`remove ${id}`));
    const result = await handler().handle({ key: 'n1' }, new AbortController().signal, place);
    expect(result).toEqual({ kind: 'again', afterMs: 5_000 });
    expect(done.toSorted()).toEqual([
      ...['heartbeat', 'not reaped container-stubborn: Not yet', 'reaped container-a', 'reaped container-b'],
      ...['remove a', 'remove b', 'tidy', 'wake '],
    ]);
  });

  it('lets the containers alone that it is not told to remove', async () => {
    shown = [aWorkload('a', 'running', { deploymentId: D2 })];
    await handler().handle({ key: 'n1' }, new AbortController().signal, place);
    expect(done).toEqual(['wake ', 'heartbeat', 'tidy']);
  });

  it('does not take a look that the end of the process has called off for the silence of a node', async () => {
    const stop = new AbortController();
    driver.list = () => {
      stop.abort();
      return Promise.reject(new DriverError('aborted', 'The work was called off'));
    };
    await expect(handler().handle({ key: 'n1' }, stop.signal, place)).rejects.toThrow('called off');
    expect(done).toEqual([]);
  });

  it('wakes what has waited for a node before the heartbeat hides that it was away', async () => {
    node = { ...NODE, online: false };
    const run = { runAt: null, startedSecondsAgo: null, paused: false, published: [] };
    records = [{ id: 'r1', deploymentId: 'd1', status: 'stopping', finished: false, suspended: false, awaitsCheck: false, ...run }];
    await handler().handle({ key: 'n1' }, new AbortController().signal, place);
    expect(done).toEqual(['wake d1', 'heartbeat', 'tidy']);
  });

  it('does not take an engine that cannot be tidied up now for one that does not answer', async () => {
    driver.tidy = () => Promise.reject(new DriverError('timeout', 'Not now'));
    expect(await handler().handle({ key: 'n1' }, new AbortController().signal, place)).toEqual({ kind: 'again', afterMs: 5_000 });
    expect(done).toEqual(['wake ', 'heartbeat']);
  });

  it('tidies nothing up on an engine that does not answer', async () => {
    driver.list = () => Promise.reject(new DriverError('unreachable', 'Away'));
    await handler().handle({ key: 'n1' }, new AbortController().signal, place);
    expect(done).toEqual(['no heartbeat: Away']);
  });

  it('looks at a large silent fleet a few nodes at a time, begins with none once time is up, and says nothing of leaks', async () => {
    const stop = new AbortController();
    silent = Array.from({ length: 100 }, (_, n) => `n${n}`);
    let [asked, active, most] = [0, 0, 0];
    driver.list = async () => {
      most = Math.max(most, ++active);
      if (++asked === 40) stop.abort();
      await sleep(1);
      active -= 1;
      return [];
    };
    await handler().lookAtSilentNodes(stop.signal);
    expect([active, most]).toEqual([0, 64]);
    expect(asked).toBeLessThan(40 + 64); // those that were on their way
    expect(getMaxListeners(stop.signal)).toBe(Infinity);
  });

  it('leaves its place to other nodes while the node says nothing, and asks a silent one less and less often', async () => {
    let now = 0;
    silentNodes = new SilentNodes(() => now);
    node = { ...NODE, online: false };
    const pauses: unknown[] = [];
    driver.list = () => sleep(20).then(() => Promise.reject(new DriverError('unreachable', 'It does not answer')));
    for (; now < 100_000; now += 20_000) pauses.push(await handler().handle({ key: 'n1' }, new AbortController().signal, place));
    expect(took).toEqual([false, true, false, true, false, true, false, true, false, true]);
    expect(pauses).toEqual([5_000, 10_000, 15_000, 15_000, 15_000].map((afterMs) => ({ kind: 'again', afterMs })));
  });

  it('asks no more than a bounded number of silent nodes at a time, and always one that has answered lately', async () => {
    let asked = 0;
    let answer: (shown: readonly ObservedWorkload[]) => void = () => undefined;
    const answered = new Promise<readonly ObservedWorkload[]>((resolve) => (answer = resolve));
    driver.list = () => {
      asked += 1;
      return answered;
    };
    const sync = handler();
    const look = (key: string): Promise<unknown> => sync.handle({ key }, new AbortController().signal, place);
    node = { ...NODE, online: false };
    const looks = Array.from({ length: 300 }, (_, n) => look(`s${n}`));
    await sleep(5);
    expect(asked).toBe(128);
    node = NODE;
    looks.push(look('n1'));
    await sleep(5);
    expect(asked).toBe(129);
    answer([]);
    await Promise.all(looks);
  });
});
