import { isIPv6 } from 'node:net';
import { reachedAt, type NodePlace } from '../../engines/node-address';
import { ENGINE_TRAITS } from '../../engines/runtime-kinds';
import { SIMULATED_ADDRESS, type Backend } from '../../routing/route-table';
import type { ReplicaFacts } from '../replicas.repository';

export type Published = ReplicaFacts['published'];

/** A running replica, as far as it matters where it is reached. */
export interface PlacedReplica {
  readonly nodeName: string;
  readonly nodePlace: NodePlace;
  readonly published: Published;
}

/** The tcp ports that can be reached. Nothing listens for a simulated container; whatever listens at its port is something else. */
export function addressesOf(node: NodePlace | undefined, published: Published): Backend['ports'] {
  if (!node) return {};
  const tcp = published.filter(({ protocol }) => protocol === 'tcp');
  return Object.fromEntries(
    tcp.flatMap(({ containerPort, ...port }): [string, string][] => {
      if (node.runtime === 'simulated') return [[String(containerPort), SIMULATED_ADDRESS]];
      const reach = reachedAt(node, port);
      return reach ? [[String(containerPort), `${isIPv6(reach.host) ? `[${reach.host}]` : reach.host}:${reach.port}`]] : [];
    }),
  );
}

/** The routed ports at which no router reaches a replica. */
export function unreachedPorts({ nodePlace, published }: Omit<PlacedReplica, 'nodeName'>, routedPorts: readonly number[]): number[] {
  if (routedPorts.length === 0) return [];
  const addresses = addressesOf(nodePlace, published);
  return routedPorts.filter((port) => addresses[String(port)] === undefined);
}

/** Which of these running replicas no router reaches, and what would help, in words for people. None: all are reached. */
export function unreachedWords(replicas: readonly PlacedReplica[], routedPorts: readonly number[]): string[] {
  const words = replicas.flatMap((replica): string[] => {
    const [port] = unreachedPorts(replica, routedPorts);
    return port === undefined ? [] : [`No router reaches replicas on node ${replica.nodeName}: ${remedy(replica, port)}`];
  });
  return [...new Set(words)].sort();
}

/** A machine that dials us is reached where an administrator says; any other one unless its ports are its own. */
function remedy({ nodePlace: { address, runtime }, published }: PlacedReplica, port: number): string {
  const shown = published.find(({ containerPort, protocol }) => containerPort === port && protocol === 'tcp');
  if (!shown) return `port ${port} is not published there`;
  if (address === null && runtime !== undefined && ENGINE_TRAITS[runtime].joins) return 'the node needs an address';
  return `its ports are published at ${shown.hostIp}, which is reached on that machine only (PUBLISH_ADDRESS)`;
}
