import 'reflect-metadata';
import type { DataSource } from 'typeorm';
import { SecretBox } from '../common/crypto/secret-box';
import type { PubSub } from '../database/pub-sub';
import { AppConfig } from '../config/app-config';
import { RUNTIME_CHOICES } from '../config/sections/engines-config';
import { DRIVEN_KINDS, ENGINE_TRAITS, RUNTIME_KINDS } from '../engines/runtime-kinds';
import { AgentLines } from './agent/agent-lines';
import { makeDrivers } from './registry';

describe('the registry of drivers', () => {
  const { real, simulation } = makeDrivers({
    config: new AppConfig(),
    dataSource: {} as DataSource,
    box: new SecretBox(Buffer.alloc(32)),
    pubSub: { subscribe: () => () => undefined } as Partial<PubSub> as PubSub,
    lines: new AgentLines(),
    installationId: 'i',
  });
  const all = [...real, simulation];
  afterAll(() => all.forEach((driver) => driver.close()));

  it('makes one driver of each kind that a node may have', () => {
    expect(all.map(({ kind }) => kind).sort()).toEqual([...DRIVEN_KINDS].sort());
    expect([...DRIVEN_KINDS].sort()).toEqual([...RUNTIME_KINDS].sort());
  });

  it('has drivers with the traits that are known of their kind', () => {
    expect(Object.fromEntries(all.map(({ kind, traits }) => [kind, traits]))).toEqual(ENGINE_TRAITS);
  });

  it('keeps the simulation apart from what is real', () => {
    expect(real.map(({ traits }) => traits.isSimulation)).not.toContain(true);
    expect(simulation.traits.isSimulation).toBe(true);
  });

  it('has a driver for everything that RUNTIME can name', () => {
    expect([...RUNTIME_CHOICES].sort()).toEqual(['auto', ...DRIVEN_KINDS].sort());
  });
});
