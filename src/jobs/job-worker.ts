import { Logger } from '@nestjs/common';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaimedJob, JobHandler, JobKind, JobResult, Place } from './job-kinds';
import { JOBS_TOPIC, LEASE_SECONDS, type JobQueue } from './job-queue';
import { inLane } from '../database/connection-lanes';
import type { PubSub } from '../database/pub-sub';

const STOP_MS = 6_000;
const RECORD_RETRY_MS = 500;
/** Longer than a deletion may keep its containers warm, which is the longest time that a job is put off. */
const LONGEST_DELAY_MS = 25 * 3_600_000;

interface Run {
  readonly job: ClaimedJob;
  readonly abort: AbortController;
  readonly place: Place;
  readonly ended: Promise<void>;
}

/**
 * Works on the jobs of one kind. Whenever a job may be due, as a hint or the poll tells, or a place becomes free, it claims as many jobs
 * as it has free places. A failing handler only makes its own job back off. While the database is away, the worker waits for it.
 */
export class JobWorker {
  private readonly logger: Logger;
  private readonly running = new Map<string, Run>();
  private beats: NodeJS.Timeout | undefined;
  private unsubscribe: () => void = () => undefined;
  private filling: Promise<void> | undefined;
  private again = false;
  private claimAnswerIsLost = false;
  private stopped = false;

  constructor(
    private readonly queue: JobQueue,
    private readonly pubSub: PubSub,
    private readonly handler: JobHandler,
    private readonly workerId: string,
  ) {
    this.logger = new Logger(`JobWorker ${handler.kind}`);
  }

  get kind(): JobKind {
    return this.handler.kind;
  }

  /** Whether a claim may have taken jobs of which this worker has not learned. The next one gives them back. */
  get mayHaveStrays(): boolean {
    return this.claimAnswerIsLost;
  }

  start(): void {
    this.unsubscribe = this.pubSub.subscribe(JOBS_TOPIC, (kind) => {
      if (kind === this.kind) this.wake();
    });
    this.beats = setInterval(() => void this.beat(), (LEASE_SECONDS * 1000) / 3);
    this.wake();
  }

  /**
   * Claims as many jobs as there are free places, for one may be due. Only one claim runs at a time; if it is called meanwhile, another
   * one follows.
   */
  wake(): void {
    this.again = true;
    this.filling ??= inLane(this.kind, () => this.claimJobs())
      .catch((error: unknown) => {
        this.again = false;
        this.logger.warn(`No jobs could be claimed, trying again: ${String(error)}`);
      })
      .finally(() => {
        this.filling = undefined;
        if (this.again) this.wake();
      });
  }

  /** Claims no more jobs, gives the running ones some seconds to end, then aborts them and hands them back. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.unsubscribe();
    clearInterval(this.beats);
    const all = async (): Promise<void> => {
      for (const run of this.running.values()) run.abort.abort(new Error('The process is ending'));
      await this.filling;
      await Promise.all([...this.running.values()].map((run) => run.ended));
    };
    await Promise.race([all(), new Promise((resolve) => setTimeout(resolve, STOP_MS).unref())]);
    const left = [...this.running.values()].map((run) => run.job);
    if (left.length > 0) await this.queue.handBack(left).catch(() => undefined);
  }

  private async claimJobs(): Promise<void> {
    if (this.claimAnswerIsLost)
      await this.queue.releaseStrays(
        this.handler.kind,
        this.workerId,
        [...this.running.values()].map((run) => run.job),
      );
    while (this.again) {
      this.again = false;
      const free = this.freePlaces();
      if (this.stopped || free <= 0) break;
      this.claimAnswerIsLost = true;
      const jobs = await this.queue.claim(this.handler.kind, free, this.workerId);
      this.claimAnswerIsLost = false;
      for (const job of jobs) this.run(job);
      if (jobs.length === free) this.again = true;
    }
  }

  private freePlaces(): number {
    const { concurrency, mostAway = 0 } = this.handler;
    const taken = [...this.running.values()].filter(({ place }) => place.isTaken).length;
    return Math.min(concurrency - taken, concurrency + mostAway - this.running.size);
  }

  private run(job: ClaimedJob): void {
    const abort = new AbortController();
    // Each engine call under way adds a listener, which may be more than Node's warning limit.
    setMaxListeners(Infinity, abort.signal);
    if (this.stopped) abort.abort(new Error('The process is ending'));
    const place = this.place();
    const ended = this.work(job, abort.signal, place).finally(() => {
      this.running.delete(job.claim);
      if (!this.stopped) this.wake();
    });
    this.running.set(job.claim, { job, abort, place, ended });
  }

  private place(): Place {
    let isTaken = true;
    return {
      get isTaken() {
        return isTaken;
      },
      leave: () => {
        if (!isTaken) return;
        isTaken = false;
        if (!this.stopped) this.wake();
      },
      take: () => void (isTaken = true),
    };
  }

  private async work(job: ClaimedJob, signal: AbortSignal, place: Place): Promise<void> {
    let result: JobResult;
    try {
      signal.throwIfAborted();
      result = await this.handler.handle(job, signal, place);
    } catch (error) {
      if (!signal.aborted) this.logger.warn(`${job.kind} ${job.key} failed (attempt ${job.attempts + 1}): ${String(error)}`);
      result = { kind: 'failed', words: error instanceof Error ? error.message : String(error) };
    }
    while (!(await this.record(job, result, signal)) && !this.stopped) await sleep(RECORD_RETRY_MS);
  }

  /** Returns false when the database did not take the result; until it does, the job keeps its place and its lease. */
  private async record(job: ClaimedJob, result: JobResult, signal: AbortSignal): Promise<boolean> {
    try {
      if (signal.aborted) await this.queue.handBack([job]);
      else await this.queue.finish(job, result);
      return true;
    } catch (error) {
      this.logger.warn(`${job.kind} ${job.key}: the result was not recorded, trying again: ${String(error)}`);
      return false;
    }
  }

  private async beat(): Promise<void> {
    await this.renew();
    try {
      const late = await this.queue.bringForward(this.handler.kind, this.handler.longestDelayMs ?? LONGEST_DELAY_MS);
      if (late > 0) this.logger.warn(`${late} jobs were due later than any can be and are due now: the clock of the database was set back`);
    } catch (error) {
      this.logger.debug(`Jobs that are due too late were not looked for: ${String(error)}`);
    }
  }

  private async renew(): Promise<void> {
    if (this.running.size === 0) return;
    try {
      const ours = new Set(await this.queue.renew([...this.running.values()].map((run) => run.job)));
      for (const [claim, run] of this.running) {
        if (!ours.has(claim)) run.abort.abort(new Error('The job was taken over by another worker'));
      }
    } catch (error) {
      this.logger.warn(`Leases could not be renewed: ${String(error)}`);
    }
  }
}
