import type { NodeTarget } from '../../engines/node-target';
import type { RouterReport } from '../../routing/route-tables.repository';
import type { Entrance, Entrances } from '../../runtime/entrances';
import type { WantedEntrances } from './entrances.repository';

/** How often everything is compared, whatever has changed. */
const COMPARE_MS = 30_000;
/** For so long after a cluster has taken a replica out its machines may still send it something: they are told by the cluster, too. */
const SETTLE_MS = 3_000;

type Progress = Pick<RouterReport, 'snapshot' | 'behind' | 'busy'>;

interface Parts {
  readonly engine: Entrances;
  readonly wanted: () => Promise<WantedEntrances>;
  /** In milliseconds; only differences count. */
  readonly now?: () => number;
}

/** Brings the entrances of one node to what the records say, and knows what the engine showed of that. */
export class EntranceFollower {
  private readonly now: () => number;
  /** What was last seen to be as wanted. */
  private done = '';
  private comparedAt = -Infinity;
  /** When each replica was last seen to get requests. */
  private readonly servedAt = new Map<string, number>();

  constructor(
    private readonly node: NodeTarget,
    private readonly parts: Parts,
  ) {
    this.now = parts.now ?? (() => performance.now());
  }

  /**
   * One look. Null: nothing here has a route, so nobody needs to wait for this node. Asks the engine only when something has changed,
   * is not yet as wanted, or was not compared for a while. Throws when the engine cannot be asked.
   */
  async look(signal: AbortSignal): Promise<Progress | null> {
    let wanted = await this.parts.wanted();
    let behind: ReadonlyMap<string, string> = new Map();
    const isSame = JSON.stringify(wanted.entrances) === this.done;
    if (!isSame || this.leaving(wanted.entrances).length > 0 || this.now() - this.comparedAt > COMPARE_MS) {
      const again = async (): Promise<readonly Entrance[]> => (wanted = await this.parts.wanted()).entrances;
      const shown = await this.parts.engine.bring(this.node, again, signal);
      ({ behind } = shown);
      for (const id of shown.served) this.servedAt.set(id, this.now());
      this.comparedAt = this.now();
      this.done = behind.size === 0 ? JSON.stringify(wanted.entrances) : '';
    }
    const busy = this.leaving(wanted.entrances);
    if (busy.length === 0 && !wanted.entrances.some(({ routes }) => routes.length > 0) && behind.size === 0) return null;
    return { snapshot: wanted.snapshot, behind: Object.fromEntries(behind), busy };
  }

  /** Replicas that are to get nothing more, and may still. Forgets those that have settled. */
  private leaving(entrances: readonly Entrance[]): string[] {
    const members = new Set(entrances.flatMap((entrance) => entrance.members));
    for (const [id, at] of this.servedAt) if (!members.has(id) && this.now() - at > SETTLE_MS) this.servedAt.delete(id);
    return [...this.servedAt.keys()].filter((id) => !members.has(id));
  }
}
