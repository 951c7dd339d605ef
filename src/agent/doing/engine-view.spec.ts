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
