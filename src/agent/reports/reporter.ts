import type { ReportMessage } from '../../runtime/agent/link-messages';
import { fittingSight, withinMessage } from './fitting';
import { reportAfter, type Told } from './report-delta';
import type { Sight } from './sight';

interface Sent {
  readonly number: number;
  readonly accounts: readonly string[];
  /** Runs that this report showed as ended, by replica. */
  readonly ends: Readonly<Record<string, string>>;
}

export interface ReporterParts {
  /** Null while there is nothing to say yet. */
  readonly look: () => Sight | null;
  readonly isOrdered: (replicaId: string) => boolean;
  /** The run of a dead replica; null while it lives. */
  readonly endOf: (replicaId: string) => string | null;
  /** Called, once for each, with words for what cannot be told. */
  readonly onLeftOut: (words: string) => void;
  readonly onNoted: (accounts: ReadonlySet<string>, ends: Readonly<Record<string, string>>) => void;
}

/** The reports of one connection: the first is whole, the others have what has changed, never more often than the control plane wants them. */
export class Reporter {
  private told: Told | null = null;
  private number = 0;
  private sent: Sent[] = [];
  private timer: NodeJS.Timeout | undefined;
  private dueMs = 0;
  private readonly leftOut = new Set<string>();

  constructor(
    private readonly parts: ReporterParts,
    private readonly everyMs: number,
    private readonly send: (report: ReportMessage) => void,
  ) {}

  /** Reports what has changed: now, or as soon as the next report is due. */
  changed(): void {
    const waitMs = this.dueMs - performance.now();
    if (waitMs <= 0) this.report();
    else this.timer ??= setTimeout(() => this.report(), waitMs);
  }

  /** The control plane has the report with this number in its database, and all before it. */
  noted(number: number): void {
    const done = this.sent.filter((report) => report.number <= number);
    this.sent = this.sent.filter((report) => report.number > number);
    if (done.length === 0) return;
    const ends = Object.fromEntries(done.flatMap((report) => Object.entries(report.ends)));
    this.parts.onNoted(new Set(done.flatMap(({ accounts }) => accounts)), ends);
    // More accounts may wait than one report takes.
    if (done.some(({ accounts }) => accounts.length > 0)) this.changed();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.dueMs = Infinity;
  }

  private report(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const sight = this.look();
    const next = sight === null ? null : reportAfter(this.told, sight);
    if (next === null) return;
    this.dueMs = performance.now() + this.everyMs;
    this.told = next.told;
    const { accounts, workloads, gone } = next.content;
    const dead = [...workloads.filter(({ phase }) => phase === 'exited'), ...gone].map(
      ({ replicaId }) => [replicaId, this.parts.endOf(replicaId)] as const,
    );
    const ends = Object.fromEntries(dead.flatMap(([replicaId, run]) => (run === null ? [] : [[replicaId, run]])));
    this.number += 1;
    this.sent.push({ number: this.number, accounts: accounts.map(({ id }) => id), ends });
    this.send(withinMessage({ type: 'report', number: this.number, clock: new Date().toISOString(), ...next.content }));
  }

  /** What there is to report. What the control plane could not read is left out, and the log says so once. */
  private look(): Sight | null {
    const seen = this.parts.look();
    if (seen === null) return null;
    const { sight, leftOut } = fittingSight(seen, this.parts.isOrdered);
    for (const words of leftOut) {
      if (!this.leftOut.has(words)) this.parts.onLeftOut(words);
      this.leftOut.add(words);
    }
    return sight;
  }
}
