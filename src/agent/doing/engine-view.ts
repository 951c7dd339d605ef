import { within } from '../../common/within';
import type { EngineInfo } from '../../engines/engine-info';
import type { NodeTarget } from '../../engines/node-target';
import { DriverError, type ObservedWorkload, type RuntimeDriver } from '../../runtime/runtime-driver';

const INFO_EVERY_MS = 60_000;
const ID_WITHIN_MS = 4_000;
const ANOTHER_ENGINE =
  'Another engine answers in place of the one that this machine joined with. Nothing is done to it: ask an administrator for a new join token to go on with it';

/**
 * What the engine of the machine shows. An engine that took the place of the one that belongs to the node counts as one that does not
 * answer. A list leaves out when runs began, so what is new or was touched is asked for by itself, and
 * the rest is known.
 */
export class EngineView {
  workloads: ReadonlyMap<string, ObservedWorkload> = new Map();
  info: EngineInfo | null = null;
  /** Why the engine does not answer, in words; null: it does. */
  trouble: string | null = 'The engine has not been asked yet';
  private readonly touched = new Set<string>();
  private isStale = false;
  private infoMs = -INFO_EVERY_MS;

  constructor(
    private readonly driver: Pick<RuntimeDriver, 'list' | 'find' | 'info'>,
    private readonly target: NodeTarget,
    /** Whether the engine with this id is the one that belongs to the node. */
    private readonly isOurs: (engineId: string) => boolean,
  ) {}

  /** The id of the engine that answers now, whoever's it is; null: none does. */
  async engineId(signal: AbortSignal): Promise<string | null> {
    try {
      const { engineId } = await within(ID_WITHIN_MS, signal, (limited) => this.driver.info(this.target, limited));
      return engineId;
    } catch {
      return null;
    }
  }

  /** Something of the replica may have changed. */
  touch(replicaId: string): void {
    this.touched.add(replicaId);
  }

  /**
   * Everything may have changed, even the engine itself, as after a time in which changes were not told. What was seen last is shown until
   * the next look: a report in between must not take it for gone.
   */
  forget(): void {
    this.isStale = true;
    this.infoMs = -INFO_EVERY_MS;
  }

  /**
   * Looks at the engine. Never rejects: without an answer nothing is known, and `trouble` says why. Of a container that is being started
   * (`isBusy` with its replica) the list is enough: the engine tells more of it only when the start is over.
   */
  async look(signal: AbortSignal, isBusy: (replicaId: string) => boolean = () => false): Promise<void> {
    try {
      if (this.trouble !== null || performance.now() - this.infoMs >= INFO_EVERY_MS) {
        const info = await this.driver.info(this.target, signal);
        if (!this.isOurs(info.engineId)) throw new DriverError('unreachable', ANOTHER_ENGINE);
        this.info = info;
        this.infoMs = performance.now();
      }
      const touched = new Set([...this.touched, ...(this.isStale ? this.workloads.keys() : [])]);
      this.touched.clear();
      this.isStale = false;
      const seen = await Promise.all(
        (await this.driver.list(this.target, {}, signal)).map((workload) => this.whole(workload, { touched, isBusy, signal })),
      );
      this.workloads = new Map(seen.flatMap((workload) => (workload === null ? [] : [[workload.replicaId, workload]])));
      this.trouble = null;
    } catch (error) {
      this.workloads = new Map();
      this.info = null;
      this.trouble = error instanceof DriverError ? error.message : `The engine could not be asked: ${String(error)}`;
    }
  }

  private async whole(
    listed: ObservedWorkload,
    { touched, isBusy, signal }: { touched: ReadonlySet<string>; isBusy: (replicaId: string) => boolean; signal: AbortSignal },
  ): Promise<ObservedWorkload | null> {
    const known = this.workloads.get(listed.replicaId);
    const isKnown = known?.containerId === listed.containerId && known.phase === listed.phase && !touched.has(listed.replicaId);
    if (isKnown) return known;
    const isStarting = !listed.hasRun && isBusy(listed.replicaId);
    const found = listed.startedAt === null && !isStarting ? await this.driver.find(this.target, listed.replicaId, signal) : listed;
    return found === null ? null : { ...found, upSeconds: null };
  }
}
