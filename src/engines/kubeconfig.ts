import { load } from 'js-yaml';

/** Stands for the cluster that this program runs in, and the service account that it has there. */
export const IN_CLUSTER = 'in-cluster';

const FLATTEN = 'kubectl config view --flatten --minify writes one that has all in itself';
/** A program or a file of this machine would be used by whoever may register nodes. */
const OF_THE_MACHINE = ['exec', 'auth-provider', 'tokenFile', 'client-certificate', 'client-key'];

/** What an encrypted kubeconfig is bound to, so that it cannot be moved to another node. */
export const kubeconfigContext = (nodeId: string): string => `kubeconfig of node ${nodeId}`;

type Mapping = Readonly<Record<string, unknown>>;

/**
 * What is wrong with a kubeconfig, in words; null when it can be used. It has to hold everything in itself: programs that make tokens and
 * paths of files are refused, because they would be run and read here, and so is a server whose certificate is not checked.
 */
export function kubeconfigFault(text: string): string | null {
  const config = parsed(text);
  if (config === null) return 'must be a kubeconfig, in YAML or JSON';
  const context = named(config.contexts, 'context', config['current-context']);
  if (context === null) return `must name its context: current-context is not among contexts; ${FLATTEN}`;
  const cluster = named(config.clusters, 'cluster', context.cluster);
  if (cluster === null) return 'must have the cluster of its current context among clusters';
  const user = named(config.users, 'user', context.user);
  if (user === null) return 'must have the user of its current context among users';
  return clusterFault(cluster) ?? userFault(user);
}

function clusterFault(cluster: Mapping): string | null {
  if (typeof cluster.server !== 'string' || !/^https:\/\//.test(cluster.server) || !URL.canParse(cluster.server)) {
    return 'must name the server of its cluster as https://host:port';
  }
  if (cluster['insecure-skip-tls-verify'] === true) return 'must check the certificate of its server: insecure-skip-tls-verify is refused';
  if (cluster['certificate-authority'] !== undefined) return `must hold certificate-authority-data instead of a path; ${FLATTEN}`;
  if (cluster['proxy-url'] !== undefined) return 'must reach its server without proxy-url';
  return null;
}

function userFault(user: Mapping): string | null {
  const found = OF_THE_MACHINE.find((member) => user[member] !== undefined);
  return found === undefined ? null : `must hold its credentials in itself: ${found} of its user is refused; ${FLATTEN}`;
}

function parsed(text: string): Mapping | null {
  try {
    const value: unknown = load(text);
    return isMapping(value) ? value : null;
  } catch {
    return null;
  }
}

function named(list: unknown, member: string, name: unknown): Mapping | null {
  if (!Array.isArray(list) || typeof name !== 'string') return null;
  const found = list.find((each: unknown) => isMapping(each) && each.name === name) as Mapping | undefined;
  const value = found?.[member] ?? (member === 'user' && found ? {} : undefined);
  return isMapping(value) ? value : null;
}

const isMapping = (value: unknown): value is Mapping => typeof value === 'object' && value !== null && !Array.isArray(value);
