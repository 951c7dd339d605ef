import { aSpec } from '../../../test/contract/runtime-under-test';
import { MemoryDriver } from '../../../test/support/memory-driver';
import { EngineView } from './engine-view';

describe('what the engine of a machine shows', () => {
  const { signal } = new AbortController();
  const viewOf = async (driver: MemoryDriver): Promise<{ view: EngineView; replicaId: string }> => {
    const spec = aSpec();
    await driver.ensure({ id: 'n', name: 'edge', runtime: 'docker', endpoint: null }, spec);
    const view = new EngineView(driver, { id: 'n', name: 'edge', runtime: 'docker', endpoint: null }, (id) => id === 'ours');
    await view.look(signal);
    return { view, replicaId: spec.replicaId };
  };
  const ours = (): MemoryDriver => Object.assign(new MemoryDriver(), { engineId: 'ours' });

  it('stays until the next look when everything may have changed, and is then asked for anew', async () => {
    const driver = ours();
    const { view, replicaId } = await viewOf(driver);
    const before = view.workloads.get(replicaId);
    const startedAt = new Date(1_000);
    driver.workloads.set(replicaId, { ...before!, startedAt });
    await view.look(signal);
    expect(view.workloads.get(replicaId)).toBe(before);
    view.forget();
    expect(view.workloads.get(replicaId)).toBe(before);
    await view.look(signal);
    expect(view.workloads.get(replicaId)?.startedAt).toEqual(startedAt);
  });

  it.each([
    ['looks for a run whose begin the list leaves out', { hasRun: true, isBusy: true }, 1],
    ['looks for why what has never run was not started', { hasRun: false, isBusy: false }, 1],
    ['does not look at what is being started, as the engine tells nothing of it before that is over', { hasRun: false, isBusy: true }, 0],
  ])('%s', async (_what, { hasRun, isBusy }, finds) => {
    const driver = ours();
    const { view, replicaId } = await viewOf(driver);
    const find = jest.spyOn(driver, 'find');
    driver.workloads.set(replicaId, { ...driver.workloads.get(replicaId)!, containerId: 'another', hasRun, startedAt: null });
    await view.look(signal, () => isBusy);
    expect(find).toHaveBeenCalledTimes(finds);
    expect(view.workloads.get(replicaId)).toMatchObject({ containerId: 'another', hasRun });
  });

  it('is nothing where another engine answers, as soon as it may have been exchanged', async () => {
    const driver = ours();
    const { view, replicaId } = await viewOf(driver);
    driver.exchange('another');
    view.forget();
    await view.look(signal);
    expect(view).toMatchObject({ info: null, workloads: new Map(), trouble: expect.stringContaining('Another engine') as string });
    driver.engineId = 'ours';
    await view.look(signal);
    expect(view.trouble).toBeNull();
    expect(view.workloads.has(replicaId)).toBe(false);
  });
});
