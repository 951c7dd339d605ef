import { statSync } from 'node:fs';
import { networksOf } from '../common/networks';
import { isLoopback, parseEngineAddress, type EngineAddress } from '../common/engine-address';
import type { AppConfig } from './app-config';
import { overlap } from './listen-address';

/** A rule over several variables, or over one and the machine: the sentence for a broken one, else undefined. */
type Rule = (config: AppConfig, present: Readonly<Record<string, string>>) => string | undefined;

const atMost =
  (smaller: keyof AppConfig, larger: keyof AppConfig): Rule =>
  (config) =>
    Number(config[smaller]) > Number(config[larger])
      ? `${smaller} (${String(config[smaller])}) is more than ${larger} (${String(config[larger])})`
      : undefined;

/** A default that goes further than what was set is no contradiction. */
const ifSet =
  (name: keyof AppConfig, rule: Rule): Rule =>
  (config, present) =>
    present[name] === undefined ? undefined : rule(config, present);

const listsNetworks =
  (name: 'TRUSTED_PROXIES' | 'WEBHOOK_ALLOWED_NETWORKS' | 'KUBERNETES_ROUTER_NETWORKS'): Rule =>
  (config) => {
    try {
      networksOf(name, config[name]);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };

/** What belongs to the control plane. An agent that is given it was probably meant to be something else. */
const NOT_FOR_AGENTS = [
  'DATABASE_URL',
  'PUBLIC_URL',
  'JWT_SECRET',
  'JWT_JWKS_URL',
  'ENCRYPTION_KEY',
  'ENCRYPTION_KEY_PREVIOUS',
  'ADMIN_PASSWORD',
  'SMTP_URL',
  'ROUTING_TOKEN',
] as const satisfies readonly (keyof AppConfig)[];
const ONLY_FOR_AGENTS = ['SERVER_URL', 'JOIN_TOKEN'] as const satisfies readonly (keyof AppConfig)[];

const notForAgents = (name: string): string => `${name} is for the control plane, and ROLE=agent does not use it: leave it out`;

const RULES: readonly Rule[] = [
  ({ DATABASE_URL, ROLE }) =>
    DATABASE_URL === undefined && ROLE !== 'all' && ROLE !== 'agent'
      ? `ROLE=${ROLE} needs DATABASE_URL: the embedded database belongs to one process`
      : undefined,
  ({ ROLE, SERVER_URL }) =>
    ROLE === 'agent' && SERVER_URL === undefined
      ? 'ROLE=agent needs SERVER_URL: the address of the control plane, such as https://fog.example.org'
      : undefined,
  ({ SERVER_URL, SERVER_PLAIN_HTTP }) =>
    SERVER_URL?.startsWith('http:') === true && !SERVER_PLAIN_HTTP && !isLoopback(hostOf(SERVER_URL))
      ? 'SERVER_URL leads to another machine without encryption: begin it with https, or set SERVER_PLAIN_HTTP=true where the network itself is encrypted'
      : undefined,
  ({ ROLE, HTTPS_PROXY }) =>
    ROLE === 'agent' && HTTPS_PROXY !== undefined && !/^https?:\/\/[^/]+\/?$/.test(HTTPS_PROXY)
      ? 'HTTPS_PROXY must look like http://proxy.example.org:3128'
      : undefined,
  ({ ROLE }, present) => {
    if (ROLE === 'agent')
      return (
        NOT_FOR_AGENTS.filter((name) => present[name] !== undefined)
          .map(notForAgents)
          .join('\n  ') || undefined
      );
    const meant = ONLY_FOR_AGENTS.find((name) => present[name] !== undefined);
    return meant === undefined ? undefined : `${meant} is for ROLE=agent, and this process has ROLE=${ROLE}`;
  },
  ({ ROLE, RUNTIME }) =>
    ROLE === 'agent' && RUNTIME !== 'auto' && RUNTIME !== 'docker'
      ? `ROLE=agent runs containers on Docker, not on RUNTIME=${RUNTIME}`
      : undefined,
  ({ JWT_JWKS_URL }, present) =>
    JWT_JWKS_URL !== undefined && (present.JWT_ISSUER === undefined || present.JWT_AUDIENCE === undefined)
      ? 'JWT_JWKS_URL needs JWT_ISSUER and JWT_AUDIENCE: which tokens to accept must be said'
      : undefined,
  ({ SMTP_URL, SMTP_FROM }) =>
    SMTP_URL !== undefined && SMTP_FROM === undefined ? 'SMTP_URL needs SMTP_FROM: e-mails need a sender' : undefined,
  ({ ROLE, LOAD_BALANCER, PORT, HOST, ROUTER_PORT, ROUTER_HOST }) =>
    (ROLE === 'all' || ROLE === 'router') && LOAD_BALANCER === 'builtin' && PORT !== 0 && PORT === ROUTER_PORT && overlap(HOST, ROUTER_HOST)
      ? `PORT and ROUTER_PORT are both ${String(PORT)}: the API and the router need a port each`
      : undefined,
  atMost('MIN_CPU_CORES', 'MAX_CPU_CORES'),
  atMost('MIN_MEMORY_MB', 'MAX_MEMORY_MB'),
  atMost('MIN_STORAGE_GB', 'MAX_STORAGE_GB'),
  ifSet('IMAGE_PULL_STALL_SECONDS', atMost('IMAGE_PULL_STALL_SECONDS', 'IMAGE_PULL_TIMEOUT_SECONDS')),
  ifSet('IMAGE_PULLS_PER_USER', atMost('IMAGE_PULLS_PER_USER', 'IMAGE_PULLS_PER_NODE')),
  atMost('LOGIN_LOCK_SECONDS', 'LOGIN_LOCK_MAX_SECONDS'),
  atMost('ACCESS_TOKEN_SECONDS', 'REFRESH_TOKEN_SECONDS'),
  ({ NODE_SYNC_SECONDS: every, NODE_OFFLINE_AFTER_SECONDS: after }) =>
    after <= every
      ? `NODE_OFFLINE_AFTER_SECONDS (${String(after)}) must be more than NODE_SYNC_SECONDS (${String(every)}): nodes would be offline between two looks at them`
      : undefined,
  ({ NODE_OFFLINE_AFTER_SECONDS: offline, NODE_LOST_AFTER_SECONDS: lost }) =>
    lost > 0 && lost < offline
      ? `NODE_LOST_AFTER_SECONDS (${String(lost)}) must be 0 or at least NODE_OFFLINE_AFTER_SECONDS (${String(offline)}): only a node that is offline can be lost`
      : undefined,
  ({ OWNER_NETWORK_PREFIX: each, OWNER_NETWORK_POOL: pool }) =>
    each < Number(pool.split('/')[1])
      ? 'OWNER_NETWORK_PREFIX is shorter than the prefix of OWNER_NETWORK_POOL: not even one network fits into it'
      : undefined,
  ({ LOAD_BALANCER, HAPROXY_FOLDER }) =>
    LOAD_BALANCER === 'haproxy' && HAPROXY_FOLDER === undefined
      ? 'LOAD_BALANCER=haproxy needs HAPROXY_FOLDER: the folder in which its configuration is written'
      : undefined,
  ({ LOAD_BALANCER, ROUTING_TOKEN }) =>
    LOAD_BALANCER === 'traefik' && ROUTING_TOKEN === undefined
      ? 'LOAD_BALANCER=traefik needs ROUTING_TOKEN: what Traefik has to send when it asks for its configuration (openssl rand -hex 32 makes one)'
      : undefined,
  listsNetworks('TRUSTED_PROXIES'),
  listsNetworks('WEBHOOK_ALLOWED_NETWORKS'),
  listsNetworks('KUBERNETES_ROUTER_NETWORKS'),
  ({ DOCKER_CERT_PATH, RUNTIME }) =>
    DOCKER_CERT_PATH !== undefined && RUNTIME !== 'simulated' && !isFolder(DOCKER_CERT_PATH)
      ? `DOCKER_CERT_PATH is not a folder that can be read: ${DOCKER_CERT_PATH}`
      : undefined,
  ({ DOCKER_HOST, DOCKER_CERT_PATH, RUNTIME }) =>
    DOCKER_HOST === undefined || RUNTIME === 'simulated' ? undefined : engineFault(parseEngineAddress(DOCKER_HOST), DOCKER_CERT_PATH),
];

/** What is used only where another variable says so. Who sets it alone expects something that does not happen. */
const NEEDED_BY: readonly (readonly [keyof AppConfig, (config: AppConfig) => boolean, string])[] = [
  ['SMTP_FROM', ({ SMTP_URL }) => SMTP_URL !== undefined, 'SMTP_URL, the server that e-mails are sent through'],
  ['JWT_GROUPS_CLAIM', ({ JWT_JWKS_URL }) => JWT_JWKS_URL !== undefined, 'JWT_JWKS_URL, the keys of the identity provider'],
  ...(['TRAEFIK_API_URL', 'ROUTING_TOKEN'] as const).map(
    (name) => [name, ({ LOAD_BALANCER }: AppConfig) => LOAD_BALANCER === 'traefik', 'LOAD_BALANCER=traefik'] as const,
  ),
  ...(['HAPROXY_FOLDER', 'HAPROXY_SOCKET', 'HAPROXY_MASTER_SOCKET'] as const).map(
    (name) => [name, ({ LOAD_BALANCER }: AppConfig) => LOAD_BALANCER === 'haproxy', 'LOAD_BALANCER=haproxy'] as const,
  ),
];

const alone = (config: AppConfig, present: Readonly<Record<string, string>>): string[] =>
  config.ROLE === 'agent'
    ? []
    : NEEDED_BY.flatMap(([name, isUsed, what]) =>
        present[name] !== undefined && !isUsed(config) ? [`${name} is set, and nothing uses it without ${what}`] : [],
      );

/** A sentence for each rule that the configuration breaks. `present` are the variables that were set. */
export const contradictions = (config: AppConfig, present: Readonly<Record<string, string>>): string[] => [
  ...RULES.flatMap((rule) => rule(config, present) ?? []),
  ...alone(config, present),
];

function engineFault(address: EngineAddress | null, certPath: string | undefined): string | undefined {
  if (address === null) return 'DOCKER_HOST must look like unix:///path or tcp://host:2376; ssh and other ways are not supported';
  if (address.kind === 'tcp' && certPath === undefined && !isLoopback(address.host))
    return 'DOCKER_HOST leads to another machine, which is reached over TLS only: set DOCKER_CERT_PATH to the folder of its certificates';
  return undefined;
}

function hostOf(url: string): string {
  try {
    return new URL(url).hostname.replace(/^\[|\]$/g, '');
  } catch {
    return '';
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
