import { addressKey } from '../rate-limits/address-key';
import type { Audit, AuditOrigin, AuditRefusal } from './audit';

const MINUTE_MS = 60_000;
const LOOK_EVERY_MS = 5_000;
/** More callers than this within a minute: those who came first get their sums early. */
const MAX_CALLERS = 1_000;

/** The refusals of one action with one code that one caller got within a minute and that were not told one by one. */
interface Repeats {
  count: number;
  readonly since: Date;
  readonly origin: AuditOrigin;
  readonly refusal: AuditRefusal;
}

interface Caller {
  readonly begun: number;
  shown: number;
  readonly repeats: Map<string, Repeats>;
}

interface RefusalLogOptions {
  readonly onLost: (error: unknown, refusal: AuditRefusal) => void;
  /** A clock in milliseconds, for tests. */
  readonly now?: () => number;
}

/**
 * Writes refusals to the audit log. Whoever repeats what is refused again and again does not fill it: after some rows within a
 * minute, the rest of that minute is one row for each kind that says how many there were. These sums are lost if the process is killed.
 */
export class RefusalLog {
  private readonly callers = new Map<string, Caller>();
  private readonly timer: NodeJS.Timeout;
  private readonly onLost: RefusalLogOptions['onLost'];
  private readonly now: () => number;

  /** `perMinute`: so many refusals of one caller are told one by one; 0: all. */
  constructor(
    private readonly audit: Pick<Audit, 'recordRefusal'>,
    private readonly perMinute: number,
    { onLost, now = () => performance.now() }: RefusalLogOptions,
  ) {
    this.onLost = onLost;
    this.now = now;
    this.timer = setInterval(() => void this.sumUp((caller) => this.now() - caller.begun >= MINUTE_MS), LOOK_EVERY_MS).unref();
  }

  /** Resolves when the refusal is written, or counted. Never rejects. */
  async record(origin: AuditOrigin, refusal: AuditRefusal): Promise<void> {
    const caller = await this.callerOf(origin.actor?.userId ?? addressKey(origin.address));
    if (caller.shown < this.perMinute || this.perMinute === 0) {
      caller.shown += 1;
      await this.write(origin, refusal);
      return;
    }
    const key = `${refusal.action} ${refusal.code}`;
    const known = caller.repeats.get(key);
    if (known) known.count += 1;
    else caller.repeats.set(key, { count: 1, since: new Date(), origin, refusal });
  }

  /** Writes all sums, and counts no more. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.sumUp(() => true);
  }

  private async callerOf(key: string): Promise<Caller> {
    const known = this.callers.get(key);
    if (known && this.now() - known.begun < MINUTE_MS) return known;
    const [oldest] = this.callers.keys();
    const full = this.callers.size >= MAX_CALLERS ? oldest : undefined;
    const caller: Caller = { begun: this.now(), shown: 0, repeats: new Map() };
    const over = new Set([known, full === undefined ? undefined : this.callers.get(full)]);
    if (full !== undefined) this.callers.delete(full);
    // The map is in the order of the beginnings.
    this.callers.delete(key);
    this.callers.set(key, caller);
    for (const each of over) if (each) await this.writeSums(each);
    return caller;
  }

  private async sumUp(isOver: (caller: Caller) => boolean): Promise<void> {
    for (const [key, caller] of this.callers) {
      if (!isOver(caller)) continue;
      this.callers.delete(key);
      await this.writeSums(caller);
    }
  }

  private async writeSums({ repeats }: Caller): Promise<void> {
    for (const { count, since, origin, refusal } of repeats.values()) {
      const details = { repeats: count, since: since.toISOString() };
      await this.write(origin, { ...refusal, resourceId: null, givenUsername: null, details });
    }
  }

  private async write(origin: AuditOrigin, refusal: AuditRefusal): Promise<void> {
    await this.audit.recordRefusal(origin, refusal).catch((error: unknown) => this.onLost(error, refusal));
  }
}
