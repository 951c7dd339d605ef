import { isIPv6 } from 'node:net';
import { reachedAt, type NodePlace } from '../engines/node-address';
import { ENGINE_TRAITS } from '../engines/runtime-kinds';
import { SIMULATED_ADDRESS, type Backend } from '../routing/route-table';
import type { ReplicaFacts, ReplicaMove } from '../deployments/replicas.repository';
import type { Judgement } from './judge';
import type { PlanInput, PlanReplica } from './plan.types';

type Published = ReplicaFacts['published'];
type Routed = Pick<PlanInput['deployment'], 'routedPorts'>;

/** A replica with what is about to be recorded of it. */
interface Seen {
  readonly replica: Pick<PlanReplica, 'published'>;
  readonly move?: Pick<ReplicaMove, 'published'> | undefined;
  readonly refresh?: Pick<ReplicaFacts, 'published'> | undefined;
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

/** The ports of a replica as they are recorded once what was seen now is written. */
export const publishedOf = ({ replica, move, refresh }: Seen): Published => move?.published ?? refresh?.published ?? replica.published;

/** The routed ports at which no router reaches a replica, as it is seen now. */
function unreachedPorts(judgement: Judgement, { routedPorts }: Routed): number[] {
  if (routedPorts.length === 0) return [];
  const addresses = addressesOf(judgement.replica.nodePlace, publishedOf(judgement));
  return routedPorts.filter((port) => addresses[String(port)] === undefined);
}

/** True for a replica that routers reach at every routed port. Without routes, or without routers, nothing is asked of it. */
export const isReached = (judgement: Judgement, deployment: Routed): boolean => unreachedPorts(judgement, deployment).length === 0;

/** True for a replica that answers requests for some route. */
export const answersSome = (judgement: Judgement, deployment: Routed): boolean =>
  deployment.routedPorts.length === 0 || unreachedPorts(judgement, deployment).length < deployment.routedPorts.length;

/** Which of these running replicas no router reaches, and what would help, in words for people. Null: all are reached. */
export function unreachedWords(judged: readonly Judgement[], deployment: Routed): string | null {
  const words = judged.flatMap((judgement): string[] => {
    const [port] = judgement.status === 'running' ? unreachedPorts(judgement, deployment) : [];
    return port === undefined ? [] : [`No router reaches replicas on node ${judgement.replica.nodeName}: ${remedy(judgement, port)}`];
  });
  return words.length === 0 ? null : [...new Set(words)].sort().join('; ');
}

/** A machine that dials us is reached where an administrator says; any other one unless its ports are its own. */
function remedy(judgement: Judgement, port: number): string {
  const shown = publishedOf(judgement).find(({ containerPort, protocol }) => containerPort === port && protocol === 'tcp');
  if (!shown) return `port ${port} is not published there`;
  const { address, runtime } = judgement.replica.nodePlace;
  if (address === null && runtime !== undefined && ENGINE_TRAITS[runtime].joins) return 'the node needs an address';
  return `its ports are published at ${shown.hostIp}, which is reached on that machine only (PUBLISH_ADDRESS)`;
}
