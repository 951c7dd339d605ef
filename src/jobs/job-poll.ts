import { Logger } from '@nestjs/common';
import { inLane } from '../database/connection-lanes';
import type { JobQueue } from './job-queue';
import type { JobWorker } from './job-worker';

const POLL_MS = 1_000;

/**
 * Wakes the workers of a process for the jobs that become due, and for those that no hint has told of: each second one statement asks for
 * all of them of which kinds a job may be due.
 */
export class JobPoll {
  private readonly logger = new Logger(JobPoll.name);
  private timer: NodeJS.Timeout | undefined;
  private isAsking = false;

  constructor(
    private readonly queue: JobQueue,
    private readonly workers: readonly JobWorker[],
  ) {}

  start(): void {
    this.timer = setInterval(() => void inLane('jobs.poll', () => this.poll()), POLL_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async poll(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      const due = new Set(await this.queue.due(this.workers.map(({ kind }) => kind)));
      for (const worker of this.workers) if (due.has(worker.kind) || worker.mayHaveStrays) worker.wake();
    } catch (error) {
      this.logger.warn(`It cannot be told which jobs are due, asking again: ${String(error)}`);
    } finally {
      this.isAsking = false;
    }
  }
}
