import type { AppConfig } from '../config/app-config';
import type { EngineInfo } from '../engines/engine-info';
import { ENGINE_TRAITS, type RuntimeKind } from '../engines/runtime-kinds';
import type { NodesRepository } from '../nodes/nodes.repository';
import { DriverError, type LocalEngine, type RuntimeDriver } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import { FleetBootstrap } from './fleet-bootstrap';

const LOCAL: LocalEngine = {
  name: 'Docker Engine',
  address: 'unix:///engine.sock',
  adviceOn: () => null,
  target: { id: 'local', name: 'local', runtime: 'docker', endpoint: null },
};

describe('the nodes that a runtime brings along', () => {
  let registered: string[];
  beforeEach(() => (registered = []));

  const nodes = {
    registerDemoNodes: () => Promise.resolve(void registered.push('demo nodes')),
    registerLocalEngine: ({ engineId }: EngineInfo, { region, runtime }: { region: string; runtime: RuntimeKind }) =>
      Promise.resolve(void registered.push(`${engineId} as ${runtime} in ${region}`)),
  } as unknown as NodesRepository;
  const bootstrap = (driver: Partial<RuntimeDriver>): FleetBootstrap => {
    const active = {
      kind: 'docker',
      traits: ENGINE_TRAITS.docker,
      localEngine: null,
      ...driver,
    } as Partial<RuntimeDriver> as RuntimeDriver;
    return new FleetBootstrap({ NODE_REGION: 'eu-west' } as AppConfig, nodes, new Runtimes(active, 'answers', [active]));
  };

  it('registers the engine of this machine as soon as it answers, and once', async () => {
    const answers = [Promise.reject(new DriverError('unreachable', 'away')), Promise.resolve({ engineId: 'e1' } as EngineInfo)];
    const fleet = bootstrap({ localEngine: LOCAL, info: () => answers.shift() ?? Promise.reject(new Error('asked again')) });
    await fleet.registerOwnNodes();
    expect(registered).toEqual([]);
    await fleet.registerOwnNodes();
    await fleet.registerOwnNodes();
    expect(registered).toEqual(['e1 as docker in eu-west']);
  });

  it('registers the demo nodes of a simulation', async () => {
    await bootstrap({ kind: 'simulated', traits: ENGINE_TRAITS.simulated }).registerOwnNodes();
    expect(registered).toEqual(['demo nodes']);
  });

  it('registers nothing for a kind whose engines are elsewhere', async () => {
    await bootstrap({}).registerOwnNodes();
    expect(registered).toEqual([]);
  });
});
