import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent, request as send } from 'node:https';
import { setFlagsFromString } from 'node:v8';
import type { AuthorizationV1Api, BatchV1Api, CoreV1Api, KubeConfig, RequestContext, VersionApi } from '@kubernetes/client-node';
import { LRUCache } from 'lru-cache';
import { FairTurns } from '../../common/fair-turns';
import { KubeconfigError, ownKubeconfig } from '../../engines/kubeconfig';
import { DriverError } from '../runtime-driver';
import type { ClusterAccess } from './cluster-access';

/**
 * The client library has an ES module only, and takes 60 MB of memory; so it is loaded when the first cluster is asked. Node 20.19
 * loads such modules from CommonJS, too.
 */
function loadLibrary(): Promise<Library> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  return import('@kubernetes/client-node');
}
type Library = typeof import('@kubernetes/client-node');

/**
 * What a cluster lists is garbage as soon as it is read, and much of it when a thousand replicas start. Collected once there is half as much
 * of it as of what lives, it takes little memory; by itself V8 lets the heap grow to four times what lives.
 */
const HEAP_GROWTH_PERCENT = 50;
const TOKEN_AGE_MS = 60_000;
const MAX_CONNECTIONS = 64;
/** A thousand starts at once leave room for the looks that tell whether the cluster answers. */
const CALLS = { total: 48, perOwner: 32 };
const ANSWER_MS = 30_000;
const SEEN_MS = 30_000;
/** How a dead connection is noticed on which nothing is to be said. */
const KEEP_ALIVE_MS = 30_000;

/** What calls are for: to change a replica and see it happen, or to see how things are. */
export type Purpose = 'change' | 'look';

/** The interfaces of one cluster over kept connections: the library itself would open a new one for each request. */
export class ClusterClient {
  readonly core: CoreV1Api;
  readonly batch: BatchV1Api;
  readonly version: VersionApi;
  readonly authorization: AuthorizationV1Api;
  /** Who has to do with what is to be done, or only looks, takes turns, before the time of a call begins. */
  readonly turns = new FairTurns(CALLS);
  /** Shared objects that were there, and as they should be, a moment ago. */
  readonly seenShared = new LRUCache<string, true>({ max: 10_000, ttl: SEEN_MS });
  private readonly login: Login;

  private constructor(
    readonly library: Library,
    readonly config: KubeConfig,
    readonly access: ClusterAccess,
    private readonly agent: Agent,
    private readonly streams: Agent,
  ) {
    const server = config.getCurrentCluster()?.server ?? '';
    this.login = new Login(config, agent);
    const configuration = library.createConfiguration({
      baseServer: new library.ServerConfiguration(server, {}),
      authMethods: { default: this.login },
    });
    this.core = new library.CoreV1Api(configuration);
    this.batch = new library.BatchV1Api(configuration);
    this.version = new library.VersionApi(configuration);
    this.authorization = new library.AuthorizationV1Api(configuration);
  }

  /** Calls nothing. Throws `unreachable` for a kubeconfig that cannot be used, and for `in-cluster` outside of a cluster. */
  static async of(access: ClusterAccess): Promise<ClusterClient> {
    const library = await loadLibrary();
    try {
      const config = new library.KubeConfig();
      if (access.kubeconfig === null) config.loadFromCluster();
      else config.loadFromString(ownKubeconfig(access.kubeconfig, access.trust ?? { ofMachine: false }));
      if (config.getCurrentCluster() === null) throw new Error('It names no cluster');
      const options: { ca?: string | Buffer; cert?: string | Buffer; key?: string | Buffer; servername?: string } = {};
      await config.applyToHTTPSOptions(options);
      const { ca, cert, key, servername } = options;
      const tls = { ca, cert, key, servername };
      const [agent, streams] = [new Agent({ ...tls, keepAlive: true, maxSockets: MAX_CONNECTIONS }), new Agent(tls)];
      return new ClusterClient(library, config, access, agent, streams);
    } catch (error) {
      const words =
        access.kubeconfig === null
          ? 'This program does not run in a Kubernetes cluster'
          : `The kubeconfig of this node cannot be used${error instanceof KubeconfigError ? `: it ${error.message}` : ''}`;
      throw new DriverError('unreachable', words, { cause: error });
    }
  }

  /**
   * The body of an answer as it comes, over a connection of its own. The library's own class for logs leaves errors of a broken connection
   * to nobody, which ends the process, and that for watches cannot be called off before it has an answer. Throws an error with `code` and
   * `body` for an answer that is no success.
   */
  stream(path: string, { query, signal, accept }: StreamRequest): Promise<IncomingMessage> {
    return this.send('GET', path, { query, signal, accept, agent: this.streams });
  }

  /** The JSON that the cluster answers, over a kept connection. Throws as `stream` does. */
  async call(method: string, path: string, options: ClusterRequest): Promise<unknown> {
    const answer = await this.send(method, path, { ...options, agent: this.agent });
    let text = '';
    for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
    return JSON.parse(text) as unknown;
  }

  close(): void {
    this.agent.destroy();
    this.streams.destroy();
  }

  private async send(method: string, path: string, options: ClusterRequest & { readonly agent: Agent }): Promise<IncomingMessage> {
    const { query = {}, signal, accept = 'application/json', contentType = 'application/json', body, agent } = options;
    const url = new URL(`${this.config.getCurrentCluster()?.server ?? ''}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const content = body === undefined ? null : Buffer.from(JSON.stringify(body));
    const headers = {
      ...(await this.login.headers()),
      accept,
      ...(content === null ? {} : { 'content-type': contentType, 'content-length': content.length }),
    };
    return new Promise((resolve, reject) => {
      const answered = (answer: IncomingMessage): void => {
        clearTimeout(timer);
        const { statusCode = 0 } = answer;
        if (statusCode >= 200 && statusCode < 300) {
          answer.socket.setKeepAlive(true, KEEP_ALIVE_MS);
          resolve(answer);
          return;
        }
        const { headers: told } = answer;
        textOf(answer).then(
          (text) => reject(Object.assign(new Error('No success'), { code: statusCode, body: text, headers: told })),
          reject,
        );
      };
      const request = send(url, { method, agent, headers, signal }, answered).on('error', reject);
      const timer = setTimeout(() => request.destroy(new Error('No answer')), ANSWER_MS);
      request.on('close', () => clearTimeout(timer));
      request.end(content);
    });
  }
}

interface StreamRequest {
  readonly query?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly accept?: string;
}

interface ClusterRequest extends StreamRequest {
  readonly body?: object;
  /** Of the body; JSON unless it says otherwise. */
  readonly contentType?: string;
}

const MAX_REFUSAL_LENGTH = 10_000;

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer as AsyncIterable<Buffer>) if (text.length < MAX_REFUSAL_LENGTH) text += chunk.toString();
  return text;
}

/** The account of the kubeconfig. A token in a file is replaced from time to time, so it is read again. */
class Login {
  private known: Readonly<Record<string, string>> = {};
  private readAt = -Infinity;

  constructor(
    private readonly config: KubeConfig,
    private readonly agent: Agent,
  ) {}

  getName(): string {
    return 'kubeconfig';
  }

  async applySecurityAuthentication(context: RequestContext): Promise<void> {
    for (const [name, value] of Object.entries(await this.headers())) context.setHeaderParam(name, value);
    context.setAgent(this.agent);
  }

  async headers(): Promise<Readonly<Record<string, string>>> {
    if (performance.now() - this.readAt > TOKEN_AGE_MS) {
      const options: { headers?: OutgoingHttpHeaders; auth?: string } = {};
      await this.config.applyToHTTPSOptions(options);
      const basic = options.auth === undefined ? {} : { Authorization: `Basic ${Buffer.from(options.auth).toString('base64')}` };
      const all = Object.entries({ ...options.headers, ...basic });
      this.known = Object.fromEntries(all.map(([name, value]) => [name, String(value)]));
      this.readAt = performance.now();
    }
    return this.known;
  }
}
