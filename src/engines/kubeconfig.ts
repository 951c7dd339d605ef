import { load } from 'js-yaml';

/** Stands for the cluster that this program runs in, and the service account that it has there. */
export const IN_CLUSTER = 'in-cluster';

const FLATTEN = 'kubectl config view --flatten --minify writes one that has all in itself';

/** What an encrypted kubeconfig is bound to, so that it cannot be moved to another node. */
export const kubeconfigContext = (nodeId: string): string => `kubeconfig of node ${nodeId}`;

type Mapping = Readonly<Record<string, unknown>>;

/**
 * The members that are used, each a text unless it says otherwise. A kubeconfig with any other member is refused, so that nothing that a
 * client library makes of a member that nobody here knows can happen.
 */
const OF_A_CLUSTER = ['server', 'certificate-authority-data', 'tls-server-name'];
const OF_A_USER = ['token', 'client-certificate-data', 'client-key-data', 'username', 'password', 'as'];
/** These say nothing about who is asked and by whom. */
const IDLE = ['extensions', 'disable-compression'];
/** Paths of files and a program of this machine: for whom the operator of the machine trusts with them. */
const FILE_OF_A_CLUSTER = 'certificate-authority';
const FILES_OF_A_USER = ['client-certificate', 'client-key', 'tokenFile'];
const PROGRAM = 'exec';

/** `ofMachine`: whether it may name programs and files of this machine, which are run and read here then. */
export interface KubeconfigTrust {
  readonly ofMachine: boolean;
}

/** What is wrong with a kubeconfig, in words that show none of its content. */
export class KubeconfigError extends Error {}

interface Read {
  readonly cluster: Mapping;
  readonly user: Mapping;
  readonly fault: string | null;
}

/**
 * What is wrong with a kubeconfig, in words; null when it can be used. It has to hold everything in itself: programs that make tokens and
 * paths of files are refused, because they would be run and read here, and so is a server whose certificate is not checked. That holds
 * for all of its users and clusters, because client libraries read them all.
 */
export function kubeconfigFault(text: string, trust: KubeconfigTrust = { ofMachine: false }): string | null {
  const found = read(text, trust);
  return typeof found === 'string' ? found : found.fault;
}

/**
 * A kubeconfig, as JSON, that has the cluster and the user of the current context, and of these only the members that are known here.
 * Throws a KubeconfigError with the words of `kubeconfigFault`.
 */
export function ownKubeconfig(text: string, trust: KubeconfigTrust): string {
  const found = read(text, trust);
  if (typeof found === 'string') throw new KubeconfigError(found);
  if (found.fault !== null) throw new KubeconfigError(found.fault);
  const name = 'node';
  const { tokenFile, ...user } = only(found.user, [...OF_A_USER, ...(trust.ofMachine ? [...FILES_OF_A_USER, PROGRAM] : [])]);
  // The client library reads a file with a token anew only when it is told of it in this way, and such files change.
  const renewed = tokenFile === undefined ? {} : { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [{ name, cluster: only(found.cluster, [...OF_A_CLUSTER, ...(trust.ofMachine ? [FILE_OF_A_CLUSTER] : [])]) }],
    users: [{ name, user: { ...user, ...renewed } }],
  });
}

const only = (mapping: Mapping, members: readonly string[]): Mapping =>
  Object.fromEntries(members.filter((member) => mapping[member] != null).map((member) => [member, mapping[member]]));

/** Words for what is no kubeconfig of one cluster and one user at all. */
function read(text: string, trust: KubeconfigTrust): Read | string {
  const config = parsed(text);
  if (config === null) return 'must be a kubeconfig, in YAML or JSON';
  const context = named(config.contexts, 'context', config['current-context']);
  if (context === null) return `must name its context: current-context is not among contexts; ${FLATTEN}`;
  const cluster = named(config.clusters, 'cluster', context.cluster);
  if (cluster === null) return 'must have the cluster of its current context among clusters';
  const user = named(config.users, 'user', context.user);
  if (user === null) return 'must have the user of its current context among users';
  const faults = [
    ...all(config.clusters, 'cluster').map((each) => clusterFault(each, trust)),
    ...all(config.users, 'user').map((each) => userFault(each, trust)),
  ];
  return { cluster, user, fault: faults.find((fault) => fault !== null) ?? null };
}

function clusterFault(cluster: Mapping, { ofMachine }: KubeconfigTrust): string | null {
  if (typeof cluster.server !== 'string' || !/^https:\/\//.test(cluster.server) || !URL.canParse(cluster.server)) {
    return 'must name the server of its cluster as https://host:port';
  }
  const { 'insecure-skip-tls-verify': unchecked, ...rest } = cluster;
  if (unchecked != null && unchecked !== false) return 'must check the certificate of its server: insecure-skip-tls-verify is refused';
  if (!ofMachine && rest[FILE_OF_A_CLUSTER] != null) return `must hold certificate-authority-data instead of a path; ${FLATTEN}`;
  if (rest['proxy-url'] != null) return 'must reach its server without proxy-url';
  const found = strangeMember(rest, { texts: [...OF_A_CLUSTER, FILE_OF_A_CLUSTER] });
  return found === null ? null : `must have nothing but what is used here: ${found} of its cluster is refused`;
}

function userFault(user: Mapping, { ofMachine }: KubeconfigTrust): string | null {
  const texts = [...OF_A_USER, ...(ofMachine ? FILES_OF_A_USER : [])];
  const found = strangeMember(user, { texts, mappings: ofMachine ? [PROGRAM] : [] });
  return found === null ? null : `must hold its credentials in itself: ${found} of its user is refused; ${FLATTEN}`;
}

/** The name of a member that is not among these, or of another kind. It is a word of the kubeconfig, so it is cut. */
function strangeMember(
  mapping: Mapping,
  { texts, mappings = [] }: { texts: readonly string[]; mappings?: readonly string[] },
): string | null {
  const found = Object.entries(mapping).find(
    ([member, value]) =>
      value != null &&
      !IDLE.includes(member) &&
      !(texts.includes(member) && typeof value === 'string') &&
      !(mappings.includes(member) && isMapping(value)),
  );
  return found === undefined ? null : found[0].replace(/[^\w-]/g, '').slice(0, 40);
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

/** What each entry of a list has under `member`; what is no mapping has nothing. */
const all = (list: unknown, member: string): Mapping[] =>
  (Array.isArray(list) ? (list as unknown[]) : []).map((each) => {
    const value = isMapping(each) ? each[member] : undefined;
    return isMapping(value) ? value : {};
  });

const isMapping = (value: unknown): value is Mapping => typeof value === 'object' && value !== null && !Array.isArray(value);
