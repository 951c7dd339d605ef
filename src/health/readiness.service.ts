import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { SecretBox } from '../common/crypto/secret-box';
import { resultWithin } from '../common/within';
import { AppConfig } from '../config/app-config';
import { JOB_KINDS, type JobKind } from '../jobs/job-kinds';
import { isOnline } from '../nodes/node-status.sql';
import { Runtimes } from '../runtime/runtimes';
import type { ReadinessDto } from './readiness.dto';

const DATABASE_WITHIN_MS = 2_000;
const JOBS_WITHIN_SECONDS = 60;
/** What they wait for is not ours: a slow target or mail server says nothing about our health. */
const WAIT_FOR_OTHERS: readonly JobKind[] = ['notification.deliver', 'account.mail_password_link'];
/** The kinds of jobs that count. `fog_jobs_oldest_due_age_seconds` shows the others too. */
const COUNTED_JOBS = JOB_KINDS.filter((kind) => !WAIT_FOR_OTHERS.includes(kind));

interface Look {
  readonly oldestDueSeconds: number;
  readonly nodesOnline: number;
  readonly clockStepSeconds: number | null;
}

/**
 * Whether this process should get requests: not without a database, not without the encryption key that counts, not when due jobs wait
 * too long, and not while it shuts down. Engines that do not answer are reported but do not matter: a delete is still decided at once, and
 * finishes when they return.
 */
@Injectable()
export class Readiness {
  private readonly logger = new Logger(Readiness.name);
  private looking: Promise<Look> | undefined;
  private stopping = false;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly runtimes: Runtimes,
    private readonly config: AppConfig,
    private readonly box: SecretBox,
  ) {}

  /** Makes the process not ready. The first step of a shutdown, so that load balancers choose others. */
  stop(): void {
    this.stopping = true;
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }

  async check(): Promise<ReadinessDto> {
    const look = await this.look();
    const { kind, reason } = this.runtimes.active;
    const jobsOk = look !== null && look.oldestDueSeconds <= JOBS_WITHIN_SECONDS;
    // A process that only serves the API or routes can still accept requests when the workers are late, so it reports that and
    // stays ready.
    const servesAlone = this.config.ROLE === 'api' || this.config.ROLE === 'router';
    // A router encrypts nothing.
    const keyOk = this.box.canSeal || this.config.ROLE === 'router';
    const ready = !this.stopping && look !== null && keyOk && (jobsOk || servesAlone);
    return {
      status: this.stopping ? 'stopping' : ready ? 'ready' : 'not_ready',
      checks: {
        database: { ok: look !== null },
        jobs: { ok: jobsOk, oldest_due_seconds: look?.oldestDueSeconds ?? null },
        runtime: {
          ok: look !== null && look.nodesOnline > 0,
          kind,
          simulated: this.runtimes.activeDriver.traits.isSimulation,
          nodes_online: look?.nodesOnline ?? null,
          reason,
        },
        encryption: { ok: this.box.canSeal },
        clock: { ok: look !== null && look.clockStepSeconds === null, step_seconds: look?.clockStepSeconds ?? null },
      },
    };
  }

  /** Null when the database did not answer in time. One statement at a time, however many probes ask. */
  private async look(): Promise<Look | null> {
    this.looking ??= this.ask().finally(() => (this.looking = undefined));
    try {
      return await resultWithin(DATABASE_WITHIN_MS, this.looking, null);
    } catch (error) {
      this.logger.warn(`The database does not answer: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }

  /**
   * Counts only kinds of jobs that this version knows: during an upgrade, jobs of a newer version must not make this
   * one unready.
   */
  private async ask(): Promise<Look> {
    const [row] = await this.dataSource.query<{ age: number; nodesOnline: number; clockStepSeconds: number | null }[]>(
      `SELECT (SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8
                 FROM jobs
                WHERE due_at <= now() AND (lease_until IS NULL OR lease_until < now()) AND kind = ANY($3::text[])) AS age,
              (SELECT count(*)::int FROM nodes AS n
                WHERE n.removed_at IS NULL AND n.runtime = ANY($1::text[]) AND ${isOnline('$2')}) AS "nodesOnline",
              (SELECT round(step_seconds)::float8 FROM clock_watch) AS "clockStepSeconds"`,
      [this.runtimes.kinds, this.config.NODE_OFFLINE_AFTER_SECONDS, COUNTED_JOBS],
    );
    const { age, nodesOnline, clockStepSeconds } = row ?? { age: 0, nodesOnline: 0, clockStepSeconds: null };
    return { oldestDueSeconds: Math.round(age * 10) / 10, nodesOnline, clockStepSeconds };
  }
}
