import type { NodeTarget, ObservedWorkload, RuntimeDriver } from '../runtime/runtime-driver';
import type { Runtimes } from '../runtime/runtimes';
import { Observer } from './observer';

const NODE: NodeTarget = { id: 'node', name: 'node-1', runtime: 'simulated', endpoint: null, engineId: 'engine' };
const workload = { replicaId: 'a', phase: 'running' } as ObservedWorkload;
const never = new AbortController().signal;

/** What an observer sees of replicas `a` and `b` when the engine gives these answers. */
async function seen(answers: Partial<Pick<RuntimeDriver, 'list' | 'find'>>): Promise<unknown> {
  const driver = { list: () => Promise.resolve([]), find: () => Promise.resolve(null), ...answers } as unknown as RuntimeDriver;
  const runtimes = { driverFor: () => driver } as unknown as Runtimes;
  const views = await new Observer(runtimes).observe('deployment', [NODE], () => ['a', 'b'], never);
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
});
