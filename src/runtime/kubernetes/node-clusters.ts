import type { EngineInfo } from '../../engines/engine-info';
import type { NodeTarget } from '../../engines/node-target';
import { boundedCall } from '../bounded-call';
import { EngineIdentities, type MakeSure } from '../engine-identities';
import { Cluster } from './cluster';
import type { ClusterClient, Purpose } from './cluster-client';
import type { ClusterClients } from './cluster-clients';
import { toDriverError } from './kubernetes-errors';
import { ReplicaNews } from './replica-news';

const IDENTITY_MS = 8_000;

/** The clusters for which nodes stand, reached once it is known that they are those: another one may answer at the same address. */
export class NodeClusters {
  private readonly identities = new EngineIdentities();
  private readonly news = new Map<string, ReplicaNews>();

  constructor(
    private readonly clients: ClusterClients,
    private readonly installationId: string,
  ) {}

  /** Throws `unreachable` where another cluster was seen within the last half minute. */
  async of(target: NodeTarget, signal: AbortSignal, purpose: Purpose = 'look'): Promise<Cluster> {
    const client = await this.clients.of(target.id);
    await this.require(target, client, signal);
    return this.reach(target, client, signal, purpose);
  }

  /**
   * Gives what `work` has found or done, once it is known that it was the cluster of the node: another one in its place has nothing of ours,
   * so whatever is looked for there is not there. Work that makes what is not there makes `sure` of it before.
   */
  async looking<T>(
    target: NodeTarget,
    signal: AbortSignal,
    work: (cluster: Cluster, sure: MakeSure) => Promise<T>,
    purpose?: Purpose,
  ): Promise<T> {
    const client = await this.clients.of(target.id);
    const ask = () => this.identify(target, client, new AbortController().signal);
    const sure = (): Promise<void> =>
      boundedCall({ signal, doing: 'tell which cluster it is', timeoutMs: IDENTITY_MS, toDriverError }, () =>
        this.identities.requireSince(target, performance.now(), ask),
      );
    const result = await work(await this.of(target, signal, purpose), sure);
    await sure();
    return result;
  }

  /** Throws as `of` does, for whoever reaches the cluster by `unchecked` then. */
  require(target: NodeTarget, client: ClusterClient, signal: AbortSignal): Promise<void> {
    return this.identities.require(target, () => this.identify(target, client, signal));
  }

  /** Asks the cluster which one it is. Throws `unreachable` when it is not that of the node. */
  async confirm(target: NodeTarget, client: ClusterClient, signal: AbortSignal): Promise<string> {
    const asked = performance.now();
    const { engineId } = await this.identify(target, client, signal);
    this.identities.confirm(target, engineId, asked);
    return engineId;
  }

  /** For when another cluster may be there from now on. */
  forget(target: NodeTarget): void {
    this.identities.forget(target);
  }

  unchecked(target: NodeTarget, client: ClusterClient, signal: AbortSignal): Cluster {
    return this.reach(target, client, signal, 'look');
  }

  newsOf({ id }: NodeTarget): ReplicaNews {
    const news = this.news.get(id) ?? new ReplicaNews();
    this.news.set(id, news);
    return news;
  }

  private async identify(target: NodeTarget, client: ClusterClient, signal: AbortSignal): Promise<Pick<EngineInfo, 'engineId'>> {
    return { engineId: `${await this.unchecked(target, client, signal).uid()}${selectorSuffix(client)}` };
  }

  private reach(target: NodeTarget, client: ClusterClient, signal: AbortSignal, purpose: Purpose): Cluster {
    return new Cluster(client, signal, this.installationId, this.newsOf(target), purpose);
  }
}

/** Two nodes may be two parts of one cluster, and are two engines then. */
function selectorSuffix({ access }: ClusterClient): string {
  const parts = Object.entries(access.nodeSelector).map(([key, value]) => `${key}=${value}`);
  return parts.length === 0 ? '' : `/${parts.sort().join(',')}`;
}
