import type { EngineInfo } from '../engines/engine-info';
import { RUNTIME_KINDS, type RuntimeKind } from '../engines/runtime-kinds';
import { DriverError, type RuntimeDriver } from './runtime-driver';
import { chooseAmong } from './runtime-choice';
import type { Runtimes } from './runtimes';

const ADDRESS = 'unix:///engine.sock';

describe('the choice among drivers of several kinds', () => {
  /** The kinds of the drivers that were closed. */
  let closed: RuntimeKind[];
  beforeEach(() => (closed = []));

  const aDriver = (kind: RuntimeKind, over: Partial<RuntimeDriver>): RuntimeDriver =>
    ({
      kind,
      traits: { isSimulation: kind === 'simulated', needsEndpoint: true, tellsCapacity: true, hasIdentity: true, checksPorts: false },
      localEngine: null,
      close: () => void closed.push(kind),
      ...over,
    }) as Partial<RuntimeDriver> as RuntimeDriver;
  const localEngine = (advice: string | null): RuntimeDriver['localEngine'] => ({
    name: 'Docker Engine',
    address: ADDRESS,
    adviceOn: () => advice,
    target: { id: 'local', name: 'local', runtime: 'docker', endpoint: null },
  });
  const here: Partial<RuntimeDriver> = {
    localEngine: localEngine(null),
    info: () => Promise.resolve({ version: '27.1' } as EngineInfo),
  };
  const away = (advice: string | null = null): Partial<RuntimeDriver> => ({
    localEngine: localEngine(advice),
    info: () => Promise.reject(new DriverError('unreachable', 'The engine does not answer')),
  });
  /** Chooses among this Docker driver, a driver whose engines are never on this machine, and the simulation. */
  const choose = (docker: Partial<RuntimeDriver>, wanted: RuntimeKind | 'auto', inUse: RuntimeKind[] = []): Promise<Runtimes> => {
    const drivers = { real: [aDriver('kubernetes', {}), aDriver('docker', docker)], simulation: aDriver('simulated', {}) };
    return chooseAmong(drivers, wanted, new Set(inUse));
  };
  const served = (runtimes: Runtimes): RuntimeKind[] => RUNTIME_KINDS.filter((kind) => runtimes.driverFor(kind)?.kind === kind);

  it('serves nodes of every real kind when a local engine answers, and never the simulation', async () => {
    const runtimes = await choose(here, 'auto');
    expect(runtimes.active).toEqual({ kind: 'docker', reason: `Docker Engine 27.1 answers at ${ADDRESS}` });
    expect(served(runtimes)).toEqual(['docker', 'kubernetes']);
    expect([...runtimes.kinds].sort()).toEqual(['docker', 'kubernetes']);
    expect(closed).toEqual([]);
  });

  it('serves the simulation alone when none answers, and lets the other drivers go', async () => {
    const runtimes = await choose(away('start it'), 'auto');
    const reason = `no Docker Engine answers at ${ADDRESS} (start it): containers are simulated`;
    expect(runtimes.active).toEqual({ kind: 'simulated', reason });
    expect([served(runtimes), runtimes.kinds]).toEqual([['simulated'], ['simulated']]);
    expect(closed.sort()).toEqual(['docker', 'kubernetes']);
  });

  it('does not take an engine that is away for none, when there are nodes of its kind', async () => {
    const runtimes = await choose(away(), 'auto', ['docker', 'simulated']);
    const reason = `no Docker Engine answers at ${ADDRESS} yet, and there are nodes of kind docker`;
    expect(runtimes.active).toEqual({ kind: 'docker', reason });
    expect((await choose(away(), 'auto', ['simulated'])).active.kind).toBe('simulated');
  });

  it('serves the simulation alone when it is named, whatever answers', async () => {
    const runtimes = await choose(here, 'simulated');
    expect(runtimes.active).toEqual({ kind: 'simulated', reason: 'RUNTIME=simulated: nothing runs, containers are simulated' });
    expect(served(runtimes)).toEqual(['simulated']);
  });

  it('never falls back to the simulation from a kind that is named', async () => {
    const runtimes = await choose(away(), 'docker');
    expect(runtimes.active).toEqual({ kind: 'docker', reason: `RUNTIME=docker, but no Docker Engine answers at ${ADDRESS} yet` });
    expect(served(runtimes)).toEqual(['docker', 'kubernetes']);
    expect((await choose(away('start it'), 'docker')).active.reason).toMatch(/ yet \(start it\)$/);
  });

  it('takes a kind whose engines are elsewhere at its word', async () => {
    expect((await choose(away(), 'kubernetes')).active).toEqual({ kind: 'kubernetes', reason: 'RUNTIME=kubernetes' });
  });

  it('refuses a kind without a driver', async () => {
    const choosing = chooseAmong({ real: [aDriver('docker', here)], simulation: aDriver('simulated', {}) }, 'kubernetes', new Set());
    await expect(choosing).rejects.toThrow('RUNTIME=kubernetes: there is no driver for this kind of engine');
  });

  it('does not take a fault of ours for an engine that is away', async () => {
    await expect(choose({ ...here, info: () => Promise.reject(new TypeError('ours')) }, 'auto')).rejects.toThrow('ours');
  });

  it('lets all its drivers go when the application ends', async () => {
    (await choose(here, 'auto')).onApplicationShutdown();
    expect(closed.sort()).toEqual(['docker', 'kubernetes']);
  });
});
