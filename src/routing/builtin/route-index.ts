import { covers } from '../hosts/path-prefix';
import type { Backend, Route, RouteTable } from '../route-table';

/** Where a request goes: the replicas that may answer it, each with its address. */
export interface Destination {
  readonly deploymentId: string;
  readonly targets: readonly Target[];
}

export interface Target {
  readonly replicaId: string;
  /** Such as `10.0.0.7:32768`. */
  readonly address: string;
}

interface Entry {
  readonly pathPrefix: string;
  readonly destination: Destination;
}

/** The tables of all deployments, indexed by host. Of two tables of one deployment it keeps the one with the higher version. */
export class RouteIndex {
  private readonly tables = new Map<string, RouteTable>();
  /** By host, the longest path first. */
  private readonly hosts = new Map<string, readonly Entry[]>();

  /** False when a newer table of the deployment is there already. */
  apply(table: RouteTable): boolean {
    const before = this.tables.get(table.deploymentId);
    if (before && before.version >= table.version) return before.version === table.version;
    this.tables.set(table.deploymentId, table);
    const hosts = new Set([...(before?.routes ?? []), ...table.routes].map(({ host }) => host));
    for (const host of hosts) this.reindex(host, table);
    return true;
  }

  /** Undefined for a host, or a path of it, that leads nowhere. */
  find(host: string, path: string): Destination | undefined {
    return this.hosts.get(host)?.find(({ pathPrefix }) => covers(pathPrefix, path))?.destination;
  }

  get versions(): Map<string, number> {
    return new Map([...this.tables].map(([id, { version }]) => [id, version]));
  }

  /** The replicas of all tables. */
  get replicas(): Set<string> {
    return new Set([...this.tables.values()].flatMap(({ backends }) => backends.map(({ replicaId }) => replicaId)));
  }

  private reindex(host: string, table: RouteTable): void {
    const others = (this.hosts.get(host) ?? []).filter(({ destination }) => destination.deploymentId !== table.deploymentId);
    const own = table.routes.filter((route) => route.host === host).map((route) => toEntry(table, route));
    const paths = new Set(own.map(({ pathPrefix }) => pathPrefix));
    const entries = [...others.filter(({ pathPrefix }) => !paths.has(pathPrefix)), ...own];
    if (entries.length === 0) this.hosts.delete(host);
    else
      this.hosts.set(
        host,
        entries.sort((a, b) => b.pathPrefix.length - a.pathPrefix.length),
      );
  }
}

const toEntry = ({ deploymentId, backends }: RouteTable, { pathPrefix, port }: Route): Entry => ({
  pathPrefix,
  destination: { deploymentId, targets: backends.flatMap((backend) => toTarget(backend, port)) },
});

function toTarget({ replicaId, ports }: Backend, port: number): Target[] {
  const address = ports[String(port)];
  return address === undefined ? [] : [{ replicaId, address }];
}
