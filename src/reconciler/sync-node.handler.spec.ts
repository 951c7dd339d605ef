import { getMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { aWorkload } from '../../test/support/plan-input';
import type { AppConfig } from '../config/app-config';
import type { LiveTarget } from '../engines/node-target';
import type { JobWish } from '../jobs/job-kinds';
import type { JobQueue } from '../jobs/job-queue';
import type { PubSub } from '../database/pub-sub';
import type { NodesRepository } from '../nodes/nodes.repository';
import { DriverError, type ObservedWorkload, type RuntimeDriver } from '../runtime/runtime-driver';
import type { Runtimes } from '../runtime/runtimes';
import type { NodeSyncRepository, ReplicaRecord } from './node-sync.repository';
import { SyncNodeHandler } from './sync-node.handler';

const NODE: LiveTarget = { id: 'n1', name: 'edge-1', runtime: 'simulated', endpoint: null, online: true, draining: false };

describe('the sync of a node', () => {
  /** What was recorded and what was asked of the engine, in this order. */
  let done: string[];
  let node: LiveTarget;
  let silent: readonly string[];
  let records: readonly ReplicaRecord[];
  let shown: readonly ObservedWorkload[];
  let driver: Pick<RuntimeDriver, 'info' | 'list' | 'remove'>;

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
        knownDeployments: () => Promise.resolve(new Set(['d1'])),
      } as unknown as NodeSyncRepository,
      { kinds: ['simulated'], driverFor: () => driver } as unknown as Runtimes,
      { enqueueNow: (wishes: readonly JobWish[]) => note(`wake ${wishes.map(({ key }) => key).join()}`) } as unknown as JobQueue,
      { publish: () => undefined } as unknown as PubSub,
    );

  beforeEach(() => {
    done = [];
    node = NODE;
    silent = [];
    records = [];
    shown = [];
    driver = {
      info: () => Promise.resolve({} as Awaited<ReturnType<RuntimeDriver['info']>>),
      list: () => Promise.resolve(shown),
      remove: (_node, replicaId) => note(`remove ${replicaId}`),
    };
  });

  it('removes the other unclaimed containers when a stubborn one stays, for which the node is not to blame', async () => {
    shown = ['stubborn', 'a', 'b'].map((id) => aWorkload(id, 'exited'));
    driver.remove = (_node, id) => (id === 'stubborn' ? Promise.reject(new DriverError('timeout', 'Not yet')) : note(`remove ${id}`));
    const result = await handler().handle({ key: 'n1' }, new AbortController().signal);
    expect(result).toEqual({ kind: 'again', afterMs: 5_000 });
    expect(done.toSorted()).toEqual(['heartbeat', 'remove a', 'remove b', 'wake ']);
  });

  it('lets the containers of unknown deployments alone', async () => {
    shown = [aWorkload('a', 'running', { deploymentId: 'unknown' })];
    await handler().handle({ key: 'n1' }, new AbortController().signal);
    expect(done).toEqual(['wake ', 'heartbeat']);
  });

  it('does not take a look that the end of the process has called off for the silence of a node', async () => {
    const stop = new AbortController();
    driver.list = () => {
      stop.abort();
      return Promise.reject(new DriverError('aborted', 'The work was called off'));
    };
    await expect(handler().handle({ key: 'n1' }, stop.signal)).rejects.toThrow('called off');
    expect(done).toEqual([]);
  });

  it('wakes what has waited for a node before the heartbeat hides that it was away', async () => {
    node = { ...NODE, online: false };
    records = [{ id: 'r1', deploymentId: 'd1', status: 'stopping', finished: false, suspended: false }];
    await handler().handle({ key: 'n1' }, new AbortController().signal);
    expect(done).toEqual(['wake d1', 'heartbeat']);
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
    expect([active, most]).toEqual([0, 16]);
    expect(asked).toBeLessThan(40 + 16); // those that were on their way
    expect(getMaxListeners(stop.signal)).toBe(Infinity);
  });
});
