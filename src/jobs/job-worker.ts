import { Logger } from '@nestjs/common';
import type { ClaimedJob, JobHandler, JobResult } from './job-kinds';
import { JOBS_CHANNEL, LEASE_SECONDS, type JobQueue } from './job-queue';
import type { Notifications } from './notifications';

const POLL_MS = 1_000;
const STOP_MS = 6_000;

/**
 * Works on the jobs of one kind: claims as many as it has free places for, whenever one may be due or a place is free.
 * A failing handler costs its own job a back-off and nothing else. A dead database is waited for.
 */
export class JobWorker {
  private readonly logger: Logger;
  private readonly running = new Map<string, { job: ClaimedJob; abort: AbortController; ended: Promise<void> }>();
  private timers: NodeJS.Timeout[] = [];
  private unsubscribe: () => void = () => undefined;
  private claiming = false;
  private again = false;
  private stopped = false;

  constructor(
    private readonly queue: JobQueue,
    private readonly notifications: Notifications,
    private readonly handler: JobHandler,
    private readonly workerId: string,
  ) {
    this.logger = new Logger(`JobWorker ${handler.kind}`);
  }

  start(): void {
    this.unsubscribe = this.notifications.on(JOBS_CHANNEL, (kind) => {
      if (kind === this.handler.kind) void this.fill();
    });
    this.timers = [setInterval(() => void this.fill(), POLL_MS), setInterval(() => void this.renew(), (LEASE_SECONDS * 1000) / 3)];
    void this.fill();
  }

  /** Takes no more jobs, lets the running ones end for some seconds, then hands them back. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.unsubscribe();
    this.timers.forEach((timer) => clearInterval(timer));
    const all = (): Promise<unknown> => Promise.all([...this.running.values()].map((run) => run.ended));
    for (const run of this.running.values()) run.abort.abort(new Error('The process is ending'));
    await Promise.race([all(), new Promise((resolve) => setTimeout(resolve, STOP_MS).unref())]);
    const left = [...this.running.values()].map((run) => run.job);
    if (left.length > 0) await this.queue.handBack(left).catch(() => undefined);
  }

  private async fill(): Promise<void> {
    if (this.claiming) {
      this.again = true;
      return;
    }
    this.claiming = true;
    try {
      do {
        this.again = false;
        const free = this.handler.concurrency - this.running.size;
        if (this.stopped || free <= 0) break;
        const jobs = await this.queue.claim(this.handler.kind, free, this.workerId);
        for (const job of jobs) this.run(job);
        if (jobs.length === free) this.again = true;
      } while (this.again);
    } catch (error) {
      this.logger.warn(`No jobs could be claimed, trying again: ${String(error)}`);
    } finally {
      this.claiming = false;
    }
  }

  private run(job: ClaimedJob): void {
    const abort = new AbortController();
    const ended = this.work(job, abort.signal).finally(() => {
      this.running.delete(job.claim);
      if (!this.stopped) void this.fill();
    });
    this.running.set(job.claim, { job, abort, ended });
  }

  private async work(job: ClaimedJob, signal: AbortSignal): Promise<void> {
    let result: JobResult;
    try {
      result = await this.handler.handle(job, signal);
    } catch (error) {
      if (!signal.aborted) this.logger.warn(`${job.kind} ${job.key} failed (attempt ${job.attempts + 1}): ${String(error)}`);
      result = { kind: 'failed', words: error instanceof Error ? error.message : String(error) };
    }
    try {
      if (signal.aborted) await this.queue.handBack([job]);
      else await this.queue.finish(job, result);
    } catch (error) {
      this.logger.warn(`${job.kind} ${job.key}: the result was not recorded, the job runs again after its lease: ${String(error)}`);
    }
  }

  private async renew(): Promise<void> {
    if (this.running.size === 0) return;
    try {
      const held = new Set(await this.queue.renew([...this.running.values()].map((run) => run.job)));
      for (const [claim, run] of this.running) {
        if (!held.has(claim)) run.abort.abort(new Error('The job was taken over by another worker'));
      }
    } catch (error) {
      this.logger.warn(`Leases could not be renewed: ${String(error)}`);
    }
  }
}
