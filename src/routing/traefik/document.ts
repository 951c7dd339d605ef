import { createHash } from 'node:crypto';
import type { RouteTable } from '../route-table';
import { entriesOf, SHARED, type TableEntries } from './entries';

const MARK = 'fog-rendering-';
const DIGEST_LENGTH = 32;

/** What Traefik is told at one moment. */
export interface Rendering {
  /** Of all that it says. Traefik shows it as part of the name of a middleware. */
  readonly digest: string;
  readonly body: Buffer;
  /** By deployment, the version of its table. */
  readonly versions: ReadonlyMap<string, number>;
  /** Replicas that get nothing new. */
  readonly leaving: ReadonlySet<string>;
}

interface TableInDocument {
  readonly table: RouteTable;
  readonly entries: TableEntries;
}

/** Attempts are made only while nothing of the request was sent. Timeouts are those of the router in this program. */
const SHARED_MIDDLEWARES = {
  [SHARED.request]: { headers: { customRequestHeaders: { Forwarded: '', TE: '' } } },
  [SHARED.retry]: { retry: { attempts: 4 } },
  [SHARED.waiting]: { headers: { customResponseHeaders: { 'Retry-After': '1' } } },
};
const SHARED_TRANSPORTS = {
  [SHARED.transport]: { forwardingTimeouts: { dialTimeout: '2s', responseHeaderTimeout: '120s', idleConnTimeout: '90s' } },
};
const SHARED_TEXT = JSON.stringify([SHARED_MIDDLEWARES, SHARED_TRANSPORTS]);

/**
 * Traefik's dynamic configuration for all tables. A change costs the rendering of the tables that have changed, and the joining of
 * all when it is asked for the next time; asking again costs nothing.
 */
export class TraefikDocument {
  private readonly tables = new Map<string, TableInDocument>();
  private order: string[] = [];
  private rendered: Rendering | null = null;

  /** Takes these tables, each unless a newer one of its deployment is there. */
  apply(tables: readonly RouteTable[]): void {
    for (const table of tables) {
      if ((this.tables.get(table.deploymentId)?.table.version ?? 0) >= table.version) continue;
      this.tables.set(table.deploymentId, { table, entries: entriesOf(table) });
      this.rendered = null;
    }
  }

  clear(): void {
    this.tables.clear();
    this.order = [];
    this.rendered = null;
  }

  rendering(): Rendering {
    return (this.rendered ??= this.render());
  }

  private render(): Rendering {
    const all = this.inOrder();
    // Traefik refuses a configuration with an empty map in it.
    const mapOf = (part: keyof TableEntries): string => {
      const members = all.map(({ entries }) => entries[part]).filter((text) => text !== '');
      return members.length === 0 ? '' : `"${part}":{${members.join(',')}},`;
    };
    const entries = Buffer.from(`${mapOf('routers')}${mapOf('services')}`);
    const digest = createHash('sha256').update(entries).update(SHARED_TEXT).digest('hex').slice(0, DIGEST_LENGTH);
    const middlewares = { ...SHARED_MIDDLEWARES, [`${MARK}${digest}`]: SHARED_MIDDLEWARES[SHARED.waiting] };
    const rest = `"middlewares":${JSON.stringify(middlewares)},"serversTransports":${JSON.stringify(SHARED_TRANSPORTS)}`;
    return {
      digest,
      body: Buffer.concat([Buffer.from('{"http":{'), entries, Buffer.from(`${rest}}}`)]),
      versions: new Map(all.map(({ table }) => [table.deploymentId, table.version])),
      leaving: new Set(all.flatMap(({ table }) => table.leaving)),
    };
  }

  /** In one order, so that every process says the same in the same words. */
  private inOrder(): TableInDocument[] {
    if (this.order.length !== this.tables.size) this.order = [...this.tables.keys()].sort();
    return this.order.flatMap((deploymentId) => this.tables.get(deploymentId) ?? []);
  }
}

/** The digest in the name of a middleware, with the provider behind it; undefined for other names. */
export const digestIn = (name: string): string | undefined => /^fog-rendering-([0-9a-f]+)@http$/.exec(name)?.[1];
/** What the names of all such middlewares have in common. */
export const DIGEST_SEARCH = MARK;
