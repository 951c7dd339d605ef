import { setImmediate as turn } from 'node:timers/promises';
import type { NodeTarget } from '../engines/node-target';
import type { AppConfig } from '../config/app-config';
import type { JobQueue } from '../jobs/job-queue';
import type { NodesRepository } from '../nodes/nodes.repository';
import type { Runtimes } from '../runtime/runtimes';
import { EngineWatcher } from './engine-watcher';
import { SilentNodes } from './silent-nodes';

const NODE: NodeTarget = { id: 'n1', name: 'edge-1', runtime: 'simulated', endpoint: null };

describe('the watcher of the engines', () => {
  let giveTargets: (targets: NodeTarget[]) => void;
  let signals: AbortSignal[];
  let watcher: EngineWatcher;
  beforeEach(() => {
    signals = [];
    const driver = {
      watch: (_node: NodeTarget, _onChange: unknown, signal: AbortSignal) => {
        signals.push(signal);
        return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    };
    watcher = new EngineWatcher(
      { NODE_SYNC_SECONDS: 5 } as AppConfig,
      { targets: () => new Promise((resolve) => (giveTargets = resolve)) } as unknown as NodesRepository,
      { kinds: ['simulated'], driverFor: () => driver } as unknown as Runtimes,
      { enqueueNow: () => Promise.resolve() } as unknown as JobQueue,
      new SilentNodes(),
    );
  });
  afterEach(() => watcher.stop());

  it('watches until it is stopped', async () => {
    watcher.start();
    giveTargets([NODE]);
    await turn();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    watcher.stop();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it('begins no watch when it is stopped while it reads the nodes', async () => {
    watcher.start();
    watcher.stop();
    giveTargets([NODE]);
    await turn();
    expect(signals).toEqual([]);
  });
});
