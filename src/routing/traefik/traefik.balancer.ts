import { LoadBalancer, type LiveRoutes } from '../load-balancer';
import type { RouteTable } from '../route-table';
import { TraefikDocument, type Rendering } from './document';
import type { TraefikApi } from './traefik-api';

/** Longer than Traefik waits between two configurations that it takes (`providersThrottleDuration`, two seconds). */
const SETTLES_MS = 3_000;
/** So many renderings that Traefik has fetched are remembered, to know what it serves when it shows their digest. */
const REMEMBERED = 32;

export interface TraefikOptions {
  /** Null: that it has fetched a rendering, and had time to take it, is the proof. */
  readonly api: TraefikApi | null;
  /** Traefik does not tell what is under way, so replicas that leave are given this time. */
  readonly drainMs: number;
}

type Fetched = Omit<Rendering, 'body'> & { readonly at: number };

/**
 * Traefik, through its HTTP provider: it fetches the whole configuration from this process again and again, and what is not there
 * any more it stops to serve.
 */
export class TraefikBalancer extends LoadBalancer {
  readonly kind = 'traefik';
  readonly address = 'traefik';
  private readonly document = new TraefikDocument();
  /** What Traefik has fetched lately, the newest last. */
  private fetched: Fetched[] = [];
  /** Since when replicas that leave get nothing new. */
  private readonly leftAt = new Map<string, number>();
  private hasTables = false;

  /** `mayLead` throws when another process may be the one that Traefik asks. */
  constructor(
    private readonly options: TraefikOptions,
    private readonly mayLead: () => void,
  ) {
    super();
  }

  words(): Promise<string> {
    return Promise.resolve('Traefik, which has to ask at /api/routing/traefik (see docs/routes.md)');
  }

  override sharedName(): Promise<string> {
    return Promise.resolve('traefik');
  }

  apply(tables: readonly RouteTable[]): Promise<void> {
    this.document.apply(tables);
    this.hasTables = true;
    return Promise.resolve();
  }

  /** What Traefik is to serve. Throws when this process does not know it for certain: Traefik then goes on with what it has. */
  fetch(): Rendering {
    this.mayLead();
    if (!this.hasTables) throw new Error('The tables of routes are not read yet');
    const rendering = this.document.rendering();
    const { digest, versions, leaving } = rendering;
    // Of the same configuration again and again the first fetch counts: Traefik has it since then.
    const last = this.fetched.at(-1)?.digest === digest ? this.fetched.pop() : undefined;
    this.fetched.push({ digest, versions, leaving, at: last?.at ?? performance.now() });
    if (this.fetched.length > REMEMBERED) this.fetched.shift();
    return rendering;
  }

  async live(): Promise<LiveRoutes> {
    const { served, switchedOff } = await this.read();
    for (const replica of this.leftAt.keys()) if (!served.leaving.has(replica)) this.leftAt.delete(replica);
    for (const replica of served.leaving) if (!this.leftAt.has(replica)) this.leftAt.set(replica, performance.now());
    return {
      versions: new Map([...served.versions].filter(([deploymentId]) => !switchedOff.has(deploymentId))),
      busy: [...this.leftAt].flatMap(([replica, since]) => (performance.now() - since < this.options.drainMs ? [replica] : [])),
    };
  }

  override forget(): void {
    this.document.clear();
    this.fetched = [];
    this.leftAt.clear();
    this.hasTables = false;
  }

  /** Traefik goes on without this program. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  private async read(): Promise<{ served: Omit<Rendering, 'body'>; switchedOff: ReadonlySet<string> }> {
    if (!this.options.api) {
      const served = this.fetched.findLast(({ at }) => performance.now() - at >= SETTLES_MS);
      if (!served) throw new Error('Traefik has not asked at /api/routing/traefik yet, or just now for the first time');
      return { served, switchedOff: new Set() };
    }
    const { digest, switchedOff } = await this.options.api.show();
    if (digest === undefined)
      throw new Error('Traefik shows no routes of this program: its HTTP provider has to ask at /api/routing/traefik');
    // What a process of before has told it is the same when the digest is.
    const served = this.fetched.findLast((each) => each.digest === digest) ?? this.document.rendering();
    if (served.digest !== digest) throw new Error('Traefik still serves routes of before; it has not asked for the new ones');
    return { served, switchedOff };
  }
}
