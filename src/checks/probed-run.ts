import type { ProbeResult } from './probe-result';
import type { ProbeTarget } from './probe-target';
import { judgeProbe, type CheckRules, type Verdict } from './verdict';

/** A replica that has not passed yet is probed so often at least, so that it does not wait for an interval once it is ready. */
const STARTING_EVERY_MS = 1_000;

/** One run of a replica that is probed: its verdict so far, and when it is probed next. Times are of `performance.now()`. */
export class ProbedRun {
  verdict: Verdict;
  private readonly rules: CheckRules;
  private state: 'waits' | 'busy' = 'waits';
  private begunMs: number;
  private dueMs: number;

  /** A new run is probed at once. One whose health is known already, as after the end of another prober, waits for a part of its interval. */
  constructor(
    public target: ProbeTarget,
    nowMs: number,
  ) {
    const { intervalSeconds, retries, startPeriodSeconds } = target.probe.check;
    const { healthy, reason, seenMsAgo } = target;
    this.rules = { intervalMs: intervalSeconds * 1000, retries, startPeriodEndsMs: nowMs - seenMsAgo + startPeriodSeconds * 1000 };
    this.verdict = { healthy, reason, failures: 0, countedAtMs: nowMs };
    this.begunMs = nowMs;
    this.dueMs = healthy === null ? nowMs : nowMs + Math.random() * this.rules.intervalMs;
  }

  isDue(nowMs: number): boolean {
    return this.state === 'waits' && nowMs >= this.dueMs;
  }

  /** The next probe has been asked for, and waits for its turn. */
  wait(): void {
    this.state = 'busy';
  }

  begin(nowMs: number): void {
    this.begunMs = nowMs;
  }

  /** Returns whether there is news for the records. */
  end(result: ProbeResult, nowMs: number): boolean {
    const before = this.verdict;
    this.verdict = judgeProbe(before, result, { rules: this.rules, nowMs: this.begunMs });
    this.state = 'waits';
    const { intervalMs } = this.rules;
    this.dueMs = Math.max(nowMs, this.begunMs + (this.verdict.healthy === null ? Math.min(intervalMs, STARTING_EVERY_MS) : intervalMs));
    return before.healthy !== this.verdict.healthy || before.reason !== this.verdict.reason;
  }

  /** Takes over where the node is reached now. Returns whether the records lack what is known here. */
  refresh(target: ProbeTarget): boolean {
    this.target = target;
    return target.healthy !== this.verdict.healthy || target.reason !== this.verdict.reason;
  }
}
