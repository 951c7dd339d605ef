import { Injectable, Logger } from '@nestjs/common';
import { isUuid } from '../common/uuid';
import { AppConfig } from '../config/app-config';
import type { NodeTarget } from '../engines/node-target';
import { JobQueue } from '../jobs/job-queue';
import { NodesRepository } from '../nodes/nodes.repository';
import { Runtimes } from '../runtime/runtimes';
import { SilentNodes } from './silent-nodes';

const RECONNECT_MS = 1_000;
/** A node that is known to be silent is dialled less often; its sync is what notices its return. */
const RECONNECT_SILENT_MS = 5_000;
/** A stream that breaks off so soon, again and again, is begun anew less and less often: an engine that refuses it would be asked for ever. */
const BROKE_OFF_EARLY_MS = 5_000;
const RECONNECT_LATEST_MS = 30_000;
const COLLECT_MS = 50;
/** An engine reports the end of a container before its own list shows it, so the deployment is looked at twice more, later. */
const LATER_LOOKS_MS: readonly number[] = [400, 1_000];

/**
 * Listens to the events of every engine, so that the end of a container is noticed within two seconds. Events are hints: they
 * wake the deployment's job, and the reconciler then asks the engine. The sync of the node finds what a lost event would have
 * told.
 */
@Injectable()
export class EngineWatcher {
  private readonly logger = new Logger(EngineWatcher.name);
  private readonly watched = new Map<string, AbortController>();
  /** How often in a row the stream of a node that answers otherwise has broken off early. */
  private readonly refused = new Map<string, number>();
  private readonly changed = new Set<string>();
  private readonly later = new Map<string, NodeJS.Timeout>();
  private timer: NodeJS.Timeout | undefined;
  private flushing: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly config: AppConfig,
    private readonly nodes: NodesRepository,
    private readonly runtimes: Runtimes,
    private readonly jobs: JobQueue,
    private readonly silentNodes: SilentNodes,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.follow(), this.config.NODE_SYNC_SECONDS * 1000);
    void this.follow();
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
    clearTimeout(this.flushing);
    for (const timer of this.later.values()) clearTimeout(timer);
    for (const abort of this.watched.values()) abort.abort();
  }

  /** Begins to watch new nodes and stops watching nodes that have been removed. */
  private async follow(): Promise<void> {
    try {
      const targets = await this.nodes.targets(this.runtimes.kinds);
      if (this.stopped) return;
      const ids = new Set(targets.map((target) => target.id));
      for (const [id, abort] of this.watched) if (!ids.has(id)) abort.abort();
      for (const target of targets) if (!this.watched.has(target.id)) void this.watch(target);
    } catch (error) {
      this.logger.debug(`The nodes to watch could not be read: ${String(error)}`);
    }
  }

  private async watch(target: NodeTarget): Promise<void> {
    const abort = new AbortController();
    this.watched.set(target.id, abort);
    const driver = this.runtimes.driverFor(target.runtime);
    const begun = performance.now();
    try {
      await driver?.watch(target, ({ deploymentId }) => this.note(deploymentId), abort.signal);
    } catch (error) {
      this.logger.debug(`The events of ${target.name} broke off: ${String(error)}`);
      const pauseMs = this.pauseMs(target, performance.now() - begun);
      await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
      if (!this.stopped) setImmediate(() => void this.follow());
    } finally {
      this.watched.delete(target.id);
      // No events came while the stream was down, so a sync of the node finds what has changed.
      // For a node that is known to be silent this would undo the pauses between its syncs.
      if (!this.stopped && !this.isSilent(target))
        await this.jobs.enqueueNow([{ kind: 'node.sync', key: target.id }]).catch(() => undefined);
    }
  }

  private pauseMs(target: NodeTarget, lastedMs: number): number {
    if (this.isSilent(target) || lastedMs > BROKE_OFF_EARLY_MS) {
      this.refused.delete(target.id);
      return this.isSilent(target) ? RECONNECT_SILENT_MS : RECONNECT_MS;
    }
    const before = this.refused.get(target.id) ?? 0;
    this.refused.set(target.id, before + 1);
    return Math.min(RECONNECT_LATEST_MS, RECONNECT_MS * 2 ** Math.min(before, 10));
  }

  private isSilent({ id }: NodeTarget): boolean {
    return this.silentNodes.vainOf(id) > 1;
  }

  private note(deploymentId: string, laterLooks = LATER_LOOKS_MS): void {
    // A label that was written by hand may be anything, and a job for it would fail for ever.
    if (this.stopped || !isUuid(deploymentId)) return;
    this.changed.add(deploymentId);
    this.flushing ??= setTimeout(() => void this.flush(), COLLECT_MS);
    clearTimeout(this.later.get(deploymentId));
    this.later.delete(deploymentId);
    const [next, ...rest] = laterLooks;
    if (next !== undefined)
      this.later.set(
        deploymentId,
        setTimeout(() => this.note(deploymentId, rest), next),
      );
  }

  private async flush(): Promise<void> {
    this.flushing = undefined;
    const keys = [...this.changed];
    this.changed.clear();
    try {
      await this.jobs.enqueueNow(keys.map((key) => ({ kind: 'deployment.reconcile', key })));
    } catch (error) {
      this.logger.debug(`Events were not passed on, the sync of the nodes makes good for them: ${String(error)}`);
    }
  }
}
