import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Tx } from '../../database/transaction';
import { JOBS_TOPIC } from '../../jobs/job-queue';
import { PubSub } from '../../database/pub-sub';
import { FLEET_TOPIC, NodesRepository } from '../../nodes/nodes.repository';
import { Fleet } from '../../scheduling/fleet';

/**
 * How long a fleet that was read is used: at least so many milliseconds, and longer if reading took long, so that reading costs
 * a few percent of the time.
 */
const KEEP_MS = 500;
const KEEP_TIMES = 30;

/** A read of the fleet that is under way. It is of use while its `version` is the present one. */
interface Reading {
  readonly result: Promise<Fleet>;
  readonly version: number;
}

/**
 * The fleet as this process last read it, with its own placements since, so that a placement need not read every node. In a
 * fleet of ordinary size it is at most about a second old. It only proposes nodes: the statement that reserves decides whether
 * a node takes replicas at this moment, and a shortfall is reported only after the fleet was read anew.
 */
@Injectable()
export class FleetView implements OnApplicationBootstrap {
  private fleet: Fleet | null = null;
  private readAt = 0;
  private keepMs = KEEP_MS;
  private reading: Reading | null = null;
  private version = 0;
  /** Decides where equally good nodes begin, so that not all processes begin with the same one. */
  private readonly seed = Math.random();

  constructor(
    private readonly nodes: NodesRepository,
    private readonly pubSub: PubSub,
  ) {}

  /**
   * Forgets the fleet when a node is registered, changes or comes back, because users expect that the next placement knows of
   * it. Registering or changing a node wakes its sync.
   */
  onApplicationBootstrap(): void {
    this.pubSub.subscribe(FLEET_TOPIC, () => this.forget());
    this.pubSub.subscribe(JOBS_TOPIC, (kind) => {
      if (kind === 'node.sync') this.forget();
    });
  }

  /**
   * The fleet, if it was read recently enough. When it gets old, one caller reads it anew in its own transaction, because
   * waiting for another connection could last for ever. Meanwhile the other callers use the old one, or wait if that is too
   * old.
   */
  async current(tx: Tx): Promise<Fleet> {
    const age = performance.now() - this.readAt;
    if (this.fleet !== null && age <= this.keepMs) return this.fleet;
    if (this.reading?.version !== this.version) return this.share(tx);
    if (this.fleet !== null && age <= 2 * this.keepMs) return this.fleet;
    // If the transaction of the reading caller fails, this caller reads the fleet itself or waits for the next one that does.
    return this.reading.result.catch(() => this.current(tx));
  }

  /** Reads the fleet now, for this caller and for later ones. */
  fresh(tx: Tx): Promise<Fleet> {
    return this.read(tx);
  }

  /** The next placement reads the fleet anew, because what was read, or is being read, is known to be outdated. */
  forget(): void {
    this.fleet = null;
    this.version += 1;
  }

  private share(tx: Tx): Promise<Fleet> {
    const reading: Reading = { version: this.version, result: this.read(tx) };
    this.reading = reading;
    return reading.result.finally(() => {
      if (this.reading === reading) this.reading = null;
    });
  }

  private async read(tx: Tx): Promise<Fleet> {
    const { version } = this;
    const begun = performance.now();
    const nodes = await this.nodes.candidates(tx, { lock: false });
    const fleet = new Fleet(nodes, Math.floor(this.seed * nodes.length));
    if (version === this.version) {
      this.fleet = fleet;
      this.readAt = begun;
      this.keepMs = Math.max(KEEP_MS, KEEP_TIMES * (performance.now() - begun));
    }
    return fleet;
  }
}
