import type { Order, OrderTrouble } from '../../runtime/agent/link-messages';

/** A disk that was full is seldom emptied sooner, and each time all orders come anew. */
const ASK_EVERY_MS = 30_000;

/** Orders that the disk does not take. Each is told as a trouble of its replica, and all are asked for again until the disk has them. */
export class UnkeptOrders {
  private readonly byReplica = new Map<string, OrderTrouble>();
  private words: string | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly askAgain: () => void,
    private readonly everyMs = ASK_EVERY_MS,
  ) {}

  /** Why the disk took none of the last orders; null: it did. */
  get reason(): string | null {
    return this.words;
  }

  get troubles(): OrderTrouble[] {
    return [...this.byReplica.values()];
  }

  /** The disk did not take these orders, for this reason, but for those that it is known to have. */
  add(orders: readonly Order[], words: string, kept: ReadonlyMap<string, Order>): void {
    this.words = words;
    for (const { replicaId, version } of orders) {
      if ((kept.get(replicaId)?.version ?? 0) >= version) this.byReplica.delete(replicaId);
      else this.byReplica.set(replicaId, { replicaId, version, failure: 'unfit', message: words });
    }
    this.timer ??= setInterval(() => this.askAgain(), this.everyMs).unref();
  }

  /** The disk takes orders again. */
  clear(): void {
    this.words = null;
    this.byReplica.clear();
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
