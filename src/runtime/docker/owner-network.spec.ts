import type { EngineNetworks } from './engine-networks';
import { ensureNetwork, ownerNetwork, removeIdleNetworks, type NetworkSettings } from './owner-network';

const never = new AbortController().signal;
const settings: NetworkSettings = { pool: { cidr: '198.18.0.0/15', prefixLength: 24 }, outgoing: true };

describe('the network of an owner', () => {
  it('has a name of its own for each owner, installation and setting, which a bridge may have', () => {
    const names = [
      ownerNetwork('i1', 'ada', settings),
      ownerNetwork('i1', 'bob', settings),
      ownerNetwork('i2', 'ada', settings),
      ownerNetwork('i1', 'ada', { ...settings, outgoing: false }),
    ].map(({ name }) => name);
    expect(new Set(names).size).toBe(4);
    for (const name of names) expect(name).toMatch(/^fog-[0-9a-f]{11}$/);
    expect(ownerNetwork('i1', 'ada', settings).name).toBe(names[0]);
  });

  it('is looked for again when the engine refuses it, and takes the MTU that the engine has for its own bridge', async () => {
    const network = ownerNetwork('i1', 'ada', settings);
    const orders: string[] = [];
    let looks = 0;
    const networks = {
      isOurs: () => Promise.resolve(++looks === 3),
      all: () => Promise.resolve([{ name: 'bridge', subnets: [], options: { 'com.docker.network.driver.mtu': '1400' } }]),
      create: (order) => {
        orders.push(order.subnet);
        expect(order).toMatchObject({ name: network.name, internal: false, labels: { 'fog-compute.owner': 'ada' } });
        expect(order.options).toMatchObject({ 'com.docker.network.bridge.name': network.name, 'com.docker.network.driver.mtu': '1400' });
        return Promise.resolve(new Error('networks have same bridge name'));
      },
    } satisfies Partial<EngineNetworks> as unknown as EngineNetworks;
    await ensureNetwork(networks, network, never);
    expect(new Set(orders).size).toBe(2);
  });

  it('is removed only when its owner has no container', async () => {
    const removed: string[] = [];
    const networks = {
      idle: () => Promise.resolve(['ada', 'bob'].map((ownerId) => ({ id: `n-${ownerId}`, ownerId }))),
      remove: (id: string) => Promise.resolve(void removed.push(id)),
    } satisfies Partial<EngineNetworks> as unknown as EngineNetworks;
    await removeIdleNetworks(networks, () => Promise.resolve(new Set(['bob'])));
    expect(removed).toEqual(['n-ada']);
  });
});
