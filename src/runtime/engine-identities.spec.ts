import type { NodeTarget } from '../engines/node-target';
import { EngineIdentities } from './engine-identities';

describe('the identity of an engine', () => {
  const target: NodeTarget = { id: 'n1', name: 'node', runtime: 'docker', endpoint: 'tcp://10.0.0.5:2376', engineId: 'e1' };
  const other = expect.objectContaining({ failure: 'unreachable', message: expect.stringMatching(/^Another engine answers/) });
  let identities: EngineIdentities;
  let asked: number;
  beforeEach(() => {
    identities = new EngineIdentities();
    asked = 0;
  });
  const answering = (engineId: string) => () => {
    asked += 1;
    return Promise.resolve({ engineId });
  };

  it('is asked for once, and then trusted for a while', async () => {
    await identities.require(target, answering('e1'));
    await identities.require(target, answering('e2'));
    expect(asked).toBe(1);
  });

  it('is refused when it is that of another engine, each time', async () => {
    for (let time = 0; time < 2; time++) await expect(identities.require(target, answering('e2'))).rejects.toEqual(other);
    expect(asked).toBe(2);
  });

  it('is trusted no more as soon as anybody has seen another one, and again when the engine is back', async () => {
    await identities.require(target, answering('e1'));
    expect(() => identities.confirm(target, 'e2', performance.now())).toThrow(other);
    await expect(identities.require(target, answering('e2'))).rejects.toEqual(other);
    identities.confirm(target, 'e1', performance.now());
    await identities.require(target, answering('e2'));
    expect(asked).toBe(2);
  });

  it('is asked for again after a reason for doubt', async () => {
    await identities.require(target, answering('e1'));
    identities.forget(target);
    await expect(identities.require(target, answering('e2'))).rejects.toEqual(other);
  });

  it('is asked for after a look, by one question for those who wait together', async () => {
    await identities.require(target, answering('e1'));
    const looked = performance.now();
    const waiting = [looked, looked].map((since) => identities.requireSince(target, since, answering('e1')));
    const later = identities.requireSince(target, performance.now() + 1_000, answering('e1'));
    await Promise.all([...waiting, later]);
    expect(asked).toBe(3);
    await identities.requireSince(target, looked, answering('e2'));
    expect(asked).toBe(3);
    await expect(identities.requireSince(target, performance.now(), answering('e2'))).rejects.toEqual(other);
    await expect(identities.requireSince(target, performance.now(), () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    await identities.requireSince(target, performance.now(), answering('e1'));
  });

  it('does not matter for a node that has not answered yet', async () => {
    identities.confirm({ ...target, engineId: null }, 'e2', 0);
    await identities.require({ ...target, engineId: null }, answering('e2'));
    expect(asked).toBe(0);
  });
});
