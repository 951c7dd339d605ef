import type { ClusterAccesses } from './cluster-access';
import { ClusterClient } from './cluster-client';

const ACCESS_AGE_MS = 30_000;

interface Kept {
  readonly client: ClusterClient;
  readonly version: number;
  readonly readAt: number;
}

/** One client for each cluster. A changed access is noticed within half a minute. */
export class ClusterClients {
  private readonly kept = new Map<string, Promise<Kept>>();

  constructor(private readonly accesses: ClusterAccesses) {}

  /** Throws `unreachable` when the node has no access, or one that cannot be read. */
  async of(nodeId: string): Promise<ClusterClient> {
    const before = this.kept.get(nodeId);
    const known = await before?.catch(() => undefined);
    if (known !== undefined && performance.now() - known.readAt < ACCESS_AGE_MS) return known.client;
    const current = this.kept.get(nodeId);
    if (current !== undefined && current !== before) return (await current).client;
    const next = this.read(nodeId, known);
    this.kept.set(nodeId, next);
    return (await next).client;
  }

  close(): void {
    for (const kept of this.kept.values()) void kept.then(({ client }) => client.close()).catch(() => undefined);
    this.kept.clear();
  }

  private async read(nodeId: string, known: Kept | undefined): Promise<Kept> {
    const { access, version } = await this.accesses.of(nodeId);
    const readAt = performance.now();
    if (known?.version === version) return { ...known, readAt };
    // Calls under way keep their connections: closing the old client ends the idle ones only.
    return { client: await ClusterClient.of(access), version, readAt };
  }
}
