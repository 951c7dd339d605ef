import type { ClusterAccesses } from './cluster-access';

const AGE_MS = 10_000;

/** The nodes that are clusters, as they were a moment ago: every look at a cluster asks for them. */
export class LiveNodes {
  private ids: Promise<ReadonlySet<string>> | null = null;
  private readAt = -Infinity;

  constructor(private readonly accesses: Pick<ClusterAccesses, 'nodes'>) {}

  /** All but this one: what is made for them is theirs, also where they are parts of the same cluster. */
  async besides(nodeId: string): Promise<ReadonlySet<string>> {
    return new Set([...(await this.all())].filter((other) => other !== nodeId));
  }

  private all(): Promise<ReadonlySet<string>> {
    if (this.ids !== null && performance.now() - this.readAt < AGE_MS) return this.ids;
    this.readAt = performance.now();
    this.ids = this.accesses.nodes();
    this.ids.catch(() => (this.ids = null));
    return this.ids;
  }
}
