import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Tx } from '../../database/transaction';
import { JOBS_TOPIC } from '../../jobs/job-queue';
import { PubSub } from '../../database/pub-sub';
import { FLEET_TOPIC, NodesRepository } from '../../nodes/nodes.repository';
import { Fleet } from '../../scheduling/fleet';

/** A picture is good for so long, or for so many times what it took to read: so reading costs a few percent of the time. */
const KEEP_MS = 500;
const KEEP_TIMES = 30;

/** Somebody's read that has not ended, and whether what it gives is still worth keeping. */
interface Reading {
  readonly result: Promise<Fleet>;
  readonly version: number;
}

/**
 * The fleet as this process last saw it, so that a placement need not read every node: at most about a second old in a
 * fleet of ordinary size, and moved by our own placements meanwhile. It only proposes. Whether a node takes replicas at this
 * moment is decided by the statement that reserves, and that there is no room is only ever said after a fresh look.
 */
@Injectable()
export class FleetView implements OnApplicationBootstrap {
  private fleet: Fleet | null = null;
  private readAt = 0;
  private keepMs = KEEP_MS;
  private reading: Reading | null = null;
  private version = 0;
  /** Where equally good nodes begin, so that processes do not all begin with the same one. */
  private readonly seed = Math.random();

  constructor(
    private readonly nodes: NodesRepository,
    private readonly pubSub: PubSub,
  ) {}

  /** Users who register or change a node, which wakes its sync, expect that the next placement knows; also of one that came back. */
  onApplicationBootstrap(): void {
    this.pubSub.subscribe(FLEET_TOPIC, () => this.forget());
    this.pubSub.subscribe(JOBS_TOPIC, (kind) => {
      if (kind === 'node.sync') this.forget();
    });
  }

  /**
   * A picture that is young enough. When it ages one caller reads a new one, in his own transaction: waiting there for
   * another connection could wait for ever. Until he has it the others go by the old one, and wait when that is too old.
   */
  async current(tx: Tx): Promise<Fleet> {
    const age = performance.now() - this.readAt;
    if (this.fleet !== null && age <= this.keepMs) return this.fleet;
    if (this.reading?.version !== this.version) return this.share(tx);
    if (this.fleet !== null && age <= 2 * this.keepMs) return this.fleet;
    // His transaction may fail, but that is no fault of ours: we look for ourselves, or wait for the next who does.
    return this.reading.result.catch(() => this.current(tx));
  }

  /** A picture of now, for this caller and for those after him. */
  fresh(tx: Tx): Promise<Fleet> {
    return this.read(tx);
  }

  /** The next placement looks by itself: what we have seen, or are about to see, is known to be wrong. */
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
