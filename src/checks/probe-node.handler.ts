import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { Prober } from './prober';

const LOOK_MS = 1_000;
/** A node without anything to probe is given up after this time; the next run of a replica makes a new job. */
const IDLE_MS = 30_000;

/**
 * Has one node probed for as long as there is something to probe. Its job lasts, so that its claim makes this process the one that
 * probes the node: when it dies another one claims the job as soon as the lease is over.
 */
@Injectable()
export class ProbeNodeHandler implements JobHandler {
  readonly kind = 'node.probe';
  /** A node costs next to nothing by itself. If several processes shared them out, a process that lacks places would leave nodes unprobed. */
  readonly concurrency = 100_000;
  readonly longestDelayMs = 120_000;

  constructor(private readonly prober: Prober) {}

  async handle({ key, claim }: ClaimedJob, signal: AbortSignal): Promise<JobResult> {
    this.prober.hold(key, claim);
    try {
      while (this.prober.idleMs(key) < IDLE_MS) await sleep(LOOK_MS, undefined, { signal });
      return { kind: 'done' };
    } finally {
      this.prober.drop(key);
    }
  }
}
