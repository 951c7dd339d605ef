import 'reflect-metadata';
import type { DataSource } from 'typeorm';
import { AppConfig, RUNTIME_CHOICES } from '../config/app-config';
import { DRIVEN_KINDS, ENGINE_TRAITS, RUNTIME_KINDS } from '../engines/runtime-kinds';
import { makeDrivers } from './registry';

describe('the registry of drivers', () => {
  const { real, simulation } = makeDrivers({ config: new AppConfig(), dataSource: {} as DataSource, installationId: 'i' });
  const all = [...real, simulation];
  afterAll(() => all.forEach((driver) => driver.close()));

  it('makes one driver of each kind that nodes can be registered with, and none of another', () => {
    expect(all.map(({ kind }) => kind).sort()).toEqual([...DRIVEN_KINDS].sort());
    expect(RUNTIME_KINDS.filter((kind) => !all.some((driver) => driver.kind === kind))).toEqual(['kubernetes']);
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
