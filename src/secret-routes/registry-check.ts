import { Inject, Injectable } from '@nestjs/common';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { AddressPolicy } from '../common/outgoing/address-policy';
import { resolverOf, type ResolveHost } from '../common/outgoing/resolve-host';
import { AppConfig } from '../config/app-config';
import { parseRegistryServer, type RegistryServer } from '../engines/registry-credential';
import { AllowedRegistries } from '../runtime/allowed-registries';
import { bearerChallenge } from './bearer-challenge';

/** What a registry said to a credential. `detail` is in our words: nothing that the other side has sent is in it. */
export interface RegistryVerdict {
  readonly state: 'accepted' | 'refused' | 'unknown';
  readonly detail: string;
}

export interface TestedCredential {
  readonly server: string;
  readonly username: string;
  readonly password: string;
}

/** Injection token of the function that asks the resolver. */
export const REGISTRY_RESOLVER = Symbol('REGISTRY_RESOLVER');
export const registryResolver = { provide: REGISTRY_RESOLVER, useFactory: (): ResolveHost => resolverOf() };

const WITHIN_MS = 8_000;
const MAX_TOKEN_BYTES = 65_536;
const DOCKER_HUB = 'docker.io';
/** Where Docker Hub answers. */
const DOCKER_HUB_API = 'registry-1.docker.io';

/** An answer as far as it is looked at. */
interface Seen {
  readonly status: number;
  readonly challenge: string;
  readonly body: string;
}

class NotAsked extends Error {}

/**
 * Shows a credential to its registry. Only to servers that engines may pull from, and to addresses inside of the network only where
 * ALLOWED_REGISTRIES names the very host. Redirects are not followed.
 */
@Injectable()
export class RegistryCheck {
  private readonly allowed: AllowedRegistries;
  private readonly policy = new AddressPolicy();

  constructor(
    config: AppConfig,
    @Inject(REGISTRY_RESOLVER) private readonly resolve: ResolveHost,
  ) {
    this.allowed = new AllowedRegistries(config.ALLOWED_REGISTRIES);
  }

  /** Whether engines may pull from there. */
  allows(server: string): boolean {
    return this.allowed.allows(anImageOf(server));
  }

  async ask(credential: TestedCredential): Promise<RegistryVerdict> {
    const server = parseRegistryServer(credential.server);
    if (!server || !this.allows(credential.server)) return { state: 'unknown', detail: 'The server is none that may be asked' };
    const signal = AbortSignal.timeout(WITHIN_MS);
    try {
      return await this.askServer(server, credential, signal);
    } catch (error) {
      const detail = error instanceof NotAsked ? error.message : 'The registry did not answer as registries do';
      return { state: 'unknown', detail };
    }
  }

  private async askServer(server: RegistryServer, credential: TestedCredential, signal: AbortSignal): Promise<RegistryVerdict> {
    const isNamed = this.allowed.names(anImageOf(credential.server));
    const url = apiOf(server);
    const basic = `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
    const open = await this.get(url, null, { isNamed, signal });
    if (open.status === 200) return { state: 'unknown', detail: 'The registry asks nobody for a credential' };
    if (open.status !== 401) throw new NotAsked(`The registry answered ${open.status}`);
    const challenge = bearerChallenge(open.challenge);
    if (challenge === null) return verdictOf(await this.get(url, basic, { isNamed, signal }));
    const realm = new URL(challenge.realm);
    if (challenge.service !== null) realm.searchParams.set('service', challenge.service);
    realm.searchParams.set('account', credential.username);
    if (realm.protocol !== 'https:' && realm.protocol !== url.protocol)
      throw new NotAsked('The registry sends its token service over http');
    const isSameHost = realm.hostname === url.hostname;
    const answer = await this.get(realm, basic, { isNamed: isNamed && isSameHost, signal });
    if (answer.status !== 200) return verdictOf(answer);
    return verdictOf(await this.get(url, `Bearer ${tokenIn(answer.body)}`, { isNamed, signal }));
  }

  private get(
    url: URL,
    authorization: string | null,
    { isNamed, signal }: { readonly isNamed: boolean; readonly signal: AbortSignal },
  ): Promise<Seen> {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    if (!isNamed && isIP(host) !== 0 && !this.policy.permits(host)) throw new NotAsked(NOT_PUBLIC);
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const headers = { Accept: 'application/json', ...(authorization === null ? {} : { Authorization: authorization }) };
    return new Promise((resolve, reject) => {
      const lookup = isNamed ? {} : { lookup: this.lookup };
      const request = send(url, { headers, signal, agent: false, ...lookup }, (response) => {
        read(response).then(resolve, reject);
      });
      request.on('error', (error) => reject(error instanceof NotAsked ? error : new NotAsked('The registry could not be reached')));
      request.end();
    });
  }

  /** The connection uses an address that was checked. */
  private readonly lookup: LookupFunction = (hostname, { all }, callback) => {
    this.resolve(hostname).then(
      (addresses) => {
        const refused = addresses.length === 0 || addresses.some(({ address }) => !this.policy.permits(address));
        if (refused) callback(new NotAsked(NOT_PUBLIC), '', 0);
        else if (all === true) callback(null, [...addresses]);
        else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
      },
      () => callback(new NotAsked('The name of the registry cannot be resolved'), '', 0),
    );
  };
}

const NOT_PUBLIC = 'The registry does not have a public address, and ALLOWED_REGISTRIES does not name it';

/** An image that the server would have. */
const anImageOf = (server: string): string => `${server.toLowerCase()}/${server.includes('/') ? 'a' : 'a/a'}`;

/** As engines do, plain http is spoken with this machine only. */
function apiOf({ host, port }: RegistryServer): URL {
  const scheme = /^(127\.|\[::1\]$|localhost$)/.test(host) ? 'http' : 'https';
  return new URL(`${scheme}://${host === DOCKER_HUB ? DOCKER_HUB_API : host}:${port}/v2/`);
}

function verdictOf({ status }: Seen): RegistryVerdict {
  if (status === 200) return { state: 'accepted', detail: 'The registry accepts the credential' };
  if (status === 401 || status === 403) return { state: 'refused', detail: 'The registry refuses the user name or the password' };
  return { state: 'unknown', detail: `The registry answered ${status}` };
}

async function read(response: IncomingMessage): Promise<Seen> {
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) {
    body += String(chunk);
    if (body.length > MAX_TOKEN_BYTES) response.destroy(new NotAsked('The registry answered too much'));
  }
  return { status: response.statusCode ?? 0, challenge: response.headers['www-authenticate'] ?? '', body };
}

function tokenIn(body: string): string {
  const answer = JSON.parse(body) as { token?: unknown; access_token?: unknown };
  const token = answer.token ?? answer.access_token;
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw new NotAsked('The token service of the registry gave no token');
  return token;
}
