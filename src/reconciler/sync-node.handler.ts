import { Injectable, Logger } from '@nestjs/common';
import { setMaxListeners } from 'node:events';
import { eachAtATime } from '../common/each-at-a-time';
import { within } from '../common/within';
import { AppConfig } from '../config/app-config';
import type { LiveTarget } from '../engines/node-target';
import type { ClaimedJob, JobHandler, JobResult, Place } from '../jobs/job-kinds';
import { JobQueue } from '../jobs/job-queue';
import { leavingPlace } from '../jobs/leaving-place';
import { PubSub } from '../database/pub-sub';
import { FLEET_TOPIC, NodesRepository } from '../nodes/nodes.repository';
import { DriverError, type ObservedWorkload, type RuntimeDriver } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import { SightingsRepository, type SightedOrphan } from '../orphans/sightings.repository';
import { EntrancesRepository } from './entrances/entrances.repository';
import { discrepancies, type Discrepancies } from './discrepancies';
import { NodeSyncRepository } from './node-sync.repository';
import { containerSighting, missingSighting, namesReplica } from './orphan-sightings';
import { StrayVolumes } from './stray-volumes';
import { SilentNodes } from './silent-nodes';

const CALL_TIMEOUT_MS = 10_000;
const REMOVAL_TIMEOUT_MS = 10_000;
const REMOVALS_AT_A_TIME = 8;
const UNSERVED_RETRY_MS = 30_000;
/** A sync whose node has not answered for so long leaves its place to the syncs of other nodes. */
const LEAVES_AFTER_MS = 250;
/** Of the syncs that have left their places, so many may be of nodes that are offline; the rest is kept for nodes that answered lately. */
const MOST_SILENT = 128;
/** A silent node is asked less and less often, but at least so often, so that its return is noticed. */
const LONGEST_SILENCE_MS = 15_000;
const FIRST_LOOKS_AT_A_TIME = 64;

/**
 * Looks at one node every few seconds: it notes the heartbeat, wakes the deployments whose records differ from what the engine
 * shows, notes orphans, and removes workloads of finished replicas and those that are to be reaped. It costs one list per node,
 * however much the node runs.
 */
@Injectable()
export class SyncNodeHandler implements JobHandler {
  readonly kind = 'node.sync';
  readonly concurrency = 16;
  readonly mostAway = 2 * MOST_SILENT;
  private readonly logger = new Logger(SyncNodeHandler.name);
  /** How many nodes that are offline are being asked now. */
  private silentAsked = 0;

  constructor(
    private readonly config: AppConfig,
    private readonly nodes: NodesRepository,
    private readonly repository: NodeSyncRepository,
    private readonly runtimes: Runtimes,
    private readonly jobs: JobQueue,
    private readonly pubSub: PubSub,
    private readonly silentNodes: SilentNodes,
    private readonly orphans: SightingsRepository,
    private readonly entrances: EntrancesRepository,
    private readonly strays: StrayVolumes,
  ) {}

  /** Twice what a sync or a failure waits for. */
  get longestDelayMs(): number {
    return 2_000 * Math.max(this.config.NODE_SYNC_SECONDS, 60);
  }

  /**
   * When a process starts, looks at the nodes that have been silent, even if another worker has their jobs. Without it
   * placement would take them for offline and fail deployments, although only this program was away. Nodes that are not reached
   * before `signal` aborts are left to their jobs, which are due.
   */
  async lookAtSilentNodes(signal: AbortSignal): Promise<void> {
    setMaxListeners(Infinity, signal);
    const silent = await this.repository.silent(this.runtimes.kinds);
    await eachAtATime(FIRST_LOOKS_AT_A_TIME, silent, async (key) => {
      if (!signal.aborted) await this.handle({ key }, signal, NO_PLACE).catch(() => undefined);
    });
  }

  async handle(job: Pick<ClaimedJob, 'key'>, stop: AbortSignal, place: Place): Promise<JobResult> {
    const [node] = await this.nodes.targetsOf([job.key]);
    if (!node) return { kind: 'done' };
    const driver = this.runtimes.driverFor(node.runtime);
    if (!driver) return { kind: 'again', afterMs: UNSERVED_RETRY_MS };
    if (!node.online && this.silentAsked >= MOST_SILENT) return { kind: 'again', afterMs: this.pauseMs(node) };
    this.silentAsked += node.online ? 0 : 1;
    try {
      const looking = this.look(node, driver, stop);
      await leavingPlace(place, node.online ? LEAVES_AFTER_MS : 0, looking);
    } finally {
      this.silentAsked -= node.online ? 0 : 1;
    }
    return { kind: 'again', afterMs: this.pauseMs(node) };
  }

  /** The usual pause, and for a node that is silent twice as long each time. */
  private pauseMs({ id }: LiveTarget): number {
    const usual = this.config.NODE_SYNC_SECONDS * 1000;
    const vain = this.silentNodes.vainOf(id);
    return vain < 2 ? usual : Math.max(usual, Math.min(LONGEST_SILENCE_MS, usual * 2 ** Math.min(vain - 1, 10)));
  }

  private async look(node: LiveTarget, driver: RuntimeDriver, stop: AbortSignal): Promise<void> {
    let leftovers: readonly Leftover[] = [];
    let answered = false;
    try {
      leftovers = await within(CALL_TIMEOUT_MS, stop, (signal) => this.sync(node, driver, signal));
      answered = true;
    } catch (error) {
      // A sync that was aborted says nothing about the node.
      if (!(error instanceof DriverError) || stop.aborted) throw error;
      const words = error.failure === 'aborted' ? `No answer within ${String(CALL_TIMEOUT_MS / 1000)} s` : error.message;
      if (node.online) this.logger.warn(`Node ${node.name} does not answer: ${words}`);
      this.silentNodes.noteSilence(node.id, words);
      await this.nodes.heartbeatFailed(node.id, error.failure === 'aborted' ? words : error.wordsForAdministrators);
      if (node.draining || node.lost) await this.wakeAll(node);
    }
    await this.removeLeftovers(node, driver, leftovers, stop);
    if (!answered) return;
    if (driver.entrances) await this.entrances.enqueue(node.id);
    await this.tidy(node, driver, stop);
  }

  /** Returns the workloads that are to be removed. */
  private async sync(node: LiveTarget, driver: RuntimeDriver, signal: AbortSignal): Promise<readonly Leftover[]> {
    const wasSilent = this.silentNodes.vainOf(node.id) > 0;
    const [info, workloads] = await this.silentNodes.ask(node.id, () =>
      Promise.all([driver.info(node, signal), driver.list(node, {}, signal)]),
    );
    // The records are read after the list, because every workload in the list had its record before it was created.
    const records = await this.repository.replicas(
      node.id,
      workloads.filter(namesReplica).map((workload) => workload.replicaId),
    );
    const found = discrepancies(records, workloads, { cameBack: !node.online || wasSilent, draining: node.draining });
    await this.jobs.enqueueNow(found.wake.map((key) => ({ kind: 'deployment.reconcile', key })));
    // The heartbeat comes last. If this process dies before it, the next sync still sees that the node was offline, and wakes
    // again.
    await this.nodes.heartbeat(node.id, info, driver.traits);
    if (!node.online) this.pubSub.publish(FLEET_TOPIC, node.id);
    return this.noteOrphans({ id: node.id, name: node.name, engineId: info.engineId, hasOrphans: node.hasOrphans ?? false }, found);
  }

  /**
   * Notes the workloads that no unfinished replica stands for, and replicas without theirs, and returns the workloads that are to be
   * removed. All others stay: after a restore from a backup they are what is left of newer deployments.
   */
  private async noteOrphans(
    node: Pick<LiveTarget, 'id' | 'name'> & { readonly engineId: string | null; readonly hasOrphans: boolean },
    { unclaimed, missing }: Discrepancies,
  ): Promise<readonly Leftover[]> {
    if (unclaimed.length + missing.length === 0 && !node.hasOrphans) return [];
    const noted = await this.orphans.sight(node, [...unclaimed.map(containerSighting), ...missing.map(missingSighting)]);
    const orphans = new Map(noted.map((orphan) => [orphan.subject, orphan]));
    return unclaimed.flatMap((workload) => {
      const orphan = orphans.get(workload.containerId);
      if (orphan?.isNew === true && !orphan.removes) this.logger.warn(`${nameOf(workload, node)} is an orphan: GET /api/admin/orphans`);
      return orphan?.removes === true ? [{ workload, orphan }] : [];
    });
  }

  /**
   * Wakes all deployments of a node that drains or is lost, so that their replicas get successors elsewhere even if it never
   * returns.
   */
  private async wakeAll(node: LiveTarget): Promise<void> {
    const { wake } = discrepancies(await this.repository.replicas(node.id, []), [], { cameBack: false, draining: true });
    await this.jobs.enqueueNow(wake.map((key) => ({ kind: 'deployment.reconcile', key })));
  }

  /** What cannot be tidied up now is left to the next sync; nothing else depends on it. */
  private async tidy(node: LiveTarget, driver: RuntimeDriver, stop: AbortSignal): Promise<void> {
    try {
      await within(CALL_TIMEOUT_MS, stop, (signal) => driver.tidy(node, signal));
      await within(CALL_TIMEOUT_MS, stop, (signal) => this.strays.look(node, driver, signal));
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
    }
  }

  /** Removes workloads, and asks for what cannot be removed now again at the next sync. */
  private async removeLeftovers(node: LiveTarget, driver: RuntimeDriver, leftovers: readonly Leftover[], stop: AbortSignal): Promise<void> {
    if (leftovers.length === 0) return;
    // Begins at another workload each time, so that some that cannot be removed do not take every place for ever.
    const first = Math.floor(Math.random() * leftovers.length);
    const inTurn = [...leftovers.slice(first), ...leftovers.slice(0, first)];
    await within(REMOVAL_TIMEOUT_MS, stop, (signal) =>
      eachAtATime(REMOVALS_AT_A_TIME, inTurn, async ({ workload, orphan }) => {
        if (signal.aborted) return;
        this.logger.warn(`Removing ${nameOf(workload, node)}: the replica is finished, or the container was reaped`);
        try {
          await driver.remove(node, workload.replicaId, { graceSeconds: 0, signal });
          await this.orphans.noteReaped(orphan.id);
        } catch (error) {
          if (!(error instanceof DriverError)) throw error;
          if (stop.aborted) return;
          this.logger.warn(`${nameOf(workload, node)} is still there: ${error.message}`);
          await this.orphans.noteFailure(orphan.id, error.message);
        }
      }),
    );
  }
}

/** A workload that is to be removed. */
interface Leftover {
  readonly workload: ObservedWorkload;
  readonly orphan: SightedOrphan;
}

/** For looks that no worker has given a place. */
const NO_PLACE: Place = { isTaken: false, leave: () => undefined, take: () => undefined };

const nameOf = ({ containerId, replicaId }: ObservedWorkload, { name }: Pick<LiveTarget, 'name'>): string =>
  `container ${containerId.slice(0, 12)} of replica ${replicaId} on node ${name}`;
