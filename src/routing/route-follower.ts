import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PubSub } from '../database/pub-sub';
import { LoadBalancer } from './load-balancer';
import { RouteTablesRepository } from './route-tables.repository';
import { ROUTES_TOPIC } from './routes.repository';
import { WriterLease } from './writer-lease';

const LOOK_MS = 1_000;
/** While replicas that left still answer, their end is told soon. */
const BUSY_LOOK_MS = 200;
/** How often everything is read and compared, whatever was told. */
const COMPARE_MS = 10_000;

/** What the last look at the balancer has shown. */
interface RouterProgress {
  readonly live: number;
  readonly behind: number;
  /** On the clock of `performance`: when it was last shown to serve all that the database has. */
  readonly servedAllAt: number;
}

/**
 * Keeps a balancer at what the database has: on hints, and each second without one. It reports what the balancer shows as
 * live, and never what it was only told. While the database is away, the balancer goes on with what it has.
 */
@Injectable()
export class RouteFollower implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(RouteFollower.name);
  private readonly id = randomUUID();
  private readonly closing = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private wake: () => void = () => undefined;
  private hinted = false;
  private mark: string | null = null;
  private comparedAt = -Infinity;
  private silent = false;
  private arrived = false;
  private liveTables = 0;
  private servedAllAt = performance.now();
  private latest: RouterProgress | null = null;

  constructor(
    private readonly balancer: LoadBalancer,
    private readonly tables: RouteTablesRepository,
    private readonly pubSub: PubSub,
    private readonly lease: WriterLease,
  ) {}

  /** Null while this process does not lead the balancer. */
  get progress(): RouterProgress | null {
    return this.latest && { ...this.latest, servedAllAt: this.servedAllAt };
  }

  onApplicationBootstrap(): void {
    this.pubSub.subscribe(ROUTES_TOPIC, () => this.hint());
    this.running = this.follow();
  }

  /** Lets what is under way end, and tells the others that nobody needs to wait for this router. */
  async beforeApplicationShutdown(): Promise<void> {
    this.closing.abort();
    this.wake();
    await this.running;
    await this.balancer.close();
    await this.lease.release();
    await this.tables.leave(this.id).catch(() => undefined);
  }

  /** Takes over what has changed, and reports. Returns how many replicas still answer that have left. */
  async look(): Promise<number> {
    if (!(await this.mayLead())) return 0;
    await this.arrive();
    if (performance.now() - this.comparedAt > COMPARE_MS) this.mark = null;
    const isWhole = this.mark === null;
    const { tables, mark, snapshot } = await this.tables.changedSince(this.mark);
    const troubles: string[] = [];
    if (isWhole || tables.length > 0) await this.balancer.apply(tables).catch((error: unknown) => troubles.push(wordsOf(error)));
    const { versions, busy } = await this.balancer.live().catch((error: unknown) => {
      troubles.push(wordsOf(error));
      return { versions: new Map<string, number>(), busy: [] };
    });
    const late = tables.filter(({ deploymentId, version }) => (versions.get(deploymentId) ?? 0) < version);
    const behind = Object.fromEntries(late.map(({ deploymentId }) => [deploymentId, troubles[0] ?? 'It serves an older table']));
    await this.tables.report({ id: this.id, kind: this.balancer.kind, address: this.balancer.address, snapshot, behind, busy });
    if (late.length === 0 && troubles.length === 0) this.servedAllAt = performance.now();
    this.latest = { live: versions.size, behind: late.length, servedAllAt: this.servedAllAt };
    // What is behind is told again with the next look; a balancer that has forgotten anything is told everything.
    const forgot = versions.size < this.liveTables;
    this.liveTables = versions.size;
    if (isWhole && !forgot) this.comparedAt = performance.now();
    if (forgot) this.mark = null;
    else if (late.length === 0) this.mark = mark;
    return busy.length;
  }

  /** Whether this process is the one that leads the balancer. When it has just become that, everything is read anew. */
  private async mayLead(): Promise<boolean> {
    const name = await this.balancer.sharedName();
    if (name === null) return true;
    const held = await this.lease.hold(name);
    if (held !== 'again') {
      this.balancer.forget();
      this.mark = null;
      this.liveTables = 0;
      this.arrived = false;
    }
    if (held === 'no') this.latest = null;
    if (held === 'new') this.servedAllAt = performance.now();
    return held !== 'no';
  }

  /**
   * Must be committed before the tables are read. A replica that leaves before that is not in them; one that leaves later finds this
   * router, which has not reported the change, and waits. Otherwise it could be stopped while the first tables, with it, are taken.
   */
  private async arrive(): Promise<void> {
    if (this.arrived) return;
    await this.tables.arrive({ id: this.id, kind: this.balancer.kind, address: this.balancer.address });
    this.arrived = true;
  }

  private async follow(): Promise<void> {
    const isClosing = (): boolean => this.closing.signal.aborted;
    while (!isClosing()) {
      let busy = 0;
      try {
        busy = await this.look();
        if (this.silent) this.logger.log('The routers are told of changes again');
        this.silent = false;
      } catch (error) {
        if (!this.silent) this.logger.warn(`The router goes on with the routes it has: ${wordsOf(error)}`);
        this.silent = true;
      }
      if (!isClosing()) await this.pause(busy > 0 ? BUSY_LOOK_MS : LOOK_MS);
    }
  }

  private hint(): void {
    this.hinted = true;
    this.wake();
  }

  private async pause(ms: number): Promise<void> {
    const woken = new AbortController();
    this.wake = () => woken.abort();
    if (!this.hinted) await sleep(ms, undefined, { signal: woken.signal }).catch(() => undefined);
    this.wake = () => undefined;
    this.hinted = false;
  }
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
