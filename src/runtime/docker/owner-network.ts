import { createHash } from 'node:crypto';
import { pause } from '../abort';
import { DriverError } from '../runtime-driver';
import { LABEL } from './docker-labels';
import type { EngineNetworks, NetworkOrder } from './engine-networks';
import { freeNetwork, type NetworkPool } from './ipv4-networks';

const ATTEMPTS = 20;
const RETRY_MS = 100;
/** The engine keeps this setting of its own bridge from networks that are made later. */
const MTU = 'com.docker.network.driver.mtu';

export interface NetworkSettings {
  readonly pool: NetworkPool;
  /** False: containers reach nothing outside of their network, and no ports are published. */
  readonly outgoing: boolean;
}

/** The network of one owner on any engine. Its name is the name of the bridge on the machine, too. */
export interface OwnerNetwork {
  readonly name: string;
  readonly ownerId: string;
  readonly settings: NetworkSettings;
}

/**
 * The name is made of everything that decides what the network is, so that all workers find the same one, and other settings
 * lead to another network. It has the fifteen characters that the kernel allows for a bridge, and `fog-` in front, which
 * firewall rules of the machine can match.
 */
export function ownerNetwork(installationId: string, ownerId: string, settings: NetworkSettings): OwnerNetwork {
  const parts = [installationId, ownerId, settings.outgoing ? 'outgoing' : 'internal'];
  return { name: `fog-${createHash('sha256').update(parts.join(' ')).digest('hex').slice(0, 11)}`, ownerId, settings };
}

/**
 * Makes sure that the network is there. Workers that make it at the same moment get one network, because the engine refuses a
 * second one with the same bridge; whoever is refused looks again.
 */
export async function ensureNetwork(networks: EngineNetworks, network: OwnerNetwork, signal: AbortSignal): Promise<void> {
  let refusal: Error | null = null;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await networks.isOurs(network.name)) return;
    refusal = await networks.create(orderFor(network, await networks.all(), attempt));
    if (refusal === null) return;
    await pause(RETRY_MS, signal);
  }
  throw new DriverError('timeout', 'The engine of this node makes no network for the owner of the deployment', { cause: refusal });
}

function orderFor(
  { name, ownerId, settings }: OwnerNetwork,
  present: Awaited<ReturnType<EngineNetworks['all']>>,
  attempt: number,
): NetworkOrder {
  const taken = present.flatMap((network) => network.subnets);
  const seed = parseInt(name.slice('fog-'.length), 16) + attempt;
  const subnet = freeNetwork(settings.pool, taken, seed);
  if (subnet === null) throw new DriverError('timeout', 'The node has no free network for another owner (OWNER_NETWORK_POOL)');
  const mtu = present.find((network) => network.name === 'bridge')?.options[MTU];
  return {
    name,
    subnet,
    internal: !settings.outgoing,
    labels: { [LABEL.owner]: ownerId },
    options: {
      'com.docker.network.bridge.name': name,
      'com.docker.network.bridge.enable_icc': 'true',
      // Of use only to an internal network, and known only to engines from version 28 on: the machine has no address in it.
      ...(settings.outgoing ? {} : { 'com.docker.network.bridge.gateway_mode_ipv4': 'isolated' }),
      ...(mtu === undefined ? {} : { [MTU]: mtu }),
    },
  };
}

/**
 * Removes the networks of owners who have no container left, running or not. A container that is created meanwhile finds its
 * network gone when it is started, and `ensureContainer` begins again.
 */
export async function removeIdleNetworks(
  networks: EngineNetworks,
  ownersWithContainers: () => Promise<ReadonlySet<string>>,
): Promise<void> {
  const idle = await networks.idle();
  if (idle.length === 0) return;
  const owners = await ownersWithContainers();
  for (const { id, ownerId } of idle) if (!owners.has(ownerId)) await networks.remove(id);
}
