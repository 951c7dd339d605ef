import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeTarget } from '../engines/node-target';
import { aReplica, aWorkload } from '../../test/support/plan-input';
import type { ObservedWorkload, RuntimeDriver } from '../runtime/runtime-driver';
import type { Runtimes } from '../runtime/runtimes';
import { expectedOn, Observer } from './observer';
import { SilentNodes } from './silent-nodes';

const NODE: NodeTarget = { id: 'node', name: 'node-1', runtime: 'simulated', endpoint: null, engineId: 'engine' };
const workload = { replicaId: 'a', phase: 'running' } as ObservedWorkload;
const never = new AbortController().signal;

/** What an observer sees of the expected replicas when the engine gives these answers. */
async function seen(answers: Partial<Pick<RuntimeDriver, 'list' | 'find'>>, ids = ['a', 'b']): Promise<unknown> {
  const driver = { list: () => Promise.resolve([]), find: () => Promise.resolve(null), ...answers } as unknown as RuntimeDriver;
  const runtimes = { driverFor: () => driver } as unknown as Runtimes;
  const expected = ids.map((id) => aReplica(id));
  const views = await new Observer(runtimes, new SilentNodes()).observe('deployment', [NODE], () => expected, never);
  const view = views.get(NODE.id);
  return view?.reachable ? [...view.workloads.keys()] : view?.words;
}

describe('the observer', () => {
  it('does not believe a list alone that a workload is absent', async () => {
    expect(await seen({ find: (_node, id) => Promise.resolve(id === 'a' ? workload : null) })).toEqual(['a']);
  });

  it('asks only for what the list does not show', async () => {
    const asked: string[] = [];
    const find: RuntimeDriver['find'] = (_node, id) => {
      asked.push(id);
      return Promise.resolve(null);
    };
    expect(await seen({ list: () => Promise.resolve([workload]), find })).toEqual(['a']);
    expect(asked).toEqual(['b']);
  });

  it('looks for several replicas at a time, but does not flood an engine', async () => {
    let [active, most, asked] = [0, 0, 0];
    const find: RuntimeDriver['find'] = async () => {
      asked += 1;
      most = Math.max(most, ++active);
      await sleep(1);
      active -= 1;
      return null;
    };
    const ids = Array.from({ length: 30 }, (_, n) => `r${n}`);
    expect(await seen({ find }, ids)).toEqual([]);
    expect([asked, most]).toEqual([30, 8]);
  });

  it('asks when a run began that the list does not tell: of a replica that has just started, and of one that was restarted', async () => {
    const listed = (id: string, upSeconds: number, over: Partial<ObservedWorkload> = {}): ObservedWorkload =>
      aWorkload(id, 'running', { startedAt: null, hasRun: true, upSeconds, ...over });
    const publishedPorts = [{ containerPort: 80, protocol: 'tcp', hostIp: '', hostPort: 4_000 }] as const;
    const asked: string[] = [];
    const driver = {
      list: () => Promise.resolve([listed('new', 1), listed('steady', 60), listed('again', 2), listed('soon', 2, { publishedPorts })]),
      find: (_node: NodeTarget, id: string) => {
        asked.push(id);
        return Promise.resolve(aWorkload(id, 'running'));
      },
    } as unknown as RuntimeDriver;
    const expected = [
      aReplica('new', { status: 'starting' }),
      aReplica('steady', { startedSecondsAgo: 50 }),
      aReplica('again', { startedSecondsAgo: 50 }),
      aReplica('soon', { startedSecondsAgo: 3 }),
    ];
    const runtimes = { driverFor: () => driver } as unknown as Runtimes;
    await new Observer(runtimes, new SilentNodes()).observe('deployment', [NODE], () => expected, never);
    expect(asked).toEqual(['new', 'again', 'soon']);
  });

  it('does not look for what no engine was asked for, nor in every pass for a failed replica that was confirmed gone', () => {
    const expected = expectedOn([
      aReplica('running'),
      aReplica('pending', { status: 'pending' }),
      aReplica('failed', { status: 'failed' }),
      aReplica('gone', { status: 'failed', reserved: false }),
      aReplica('elsewhere', { nodeId: 'n2' }),
    ]);
    expect(expected('n1').map(({ id }) => id)).toEqual(['running', 'failed']);
  });
});
