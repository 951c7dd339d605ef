import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import type { ReadinessDto } from './readiness.dto';
import { RUNTIME_STATUS, type ReadRuntimeStatus } from './runtime-status';

const DATABASE_WITHIN_MS = 2_000;
const JOBS_WITHIN_SECONDS = 60;

/** Whether this process should get work: database, jobs and runtime, and not while it shuts down. */
@Injectable()
export class Readiness {
  private readonly logger = new Logger(Readiness.name);
  private query: Promise<number> | undefined;
  private stopping = false;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(RUNTIME_STATUS) private readonly runtimeStatus: ReadRuntimeStatus,
    private readonly config: AppConfig,
  ) {}

  /** From now on not ready; the first step of a shutdown, so that load balancers look elsewhere. */
  stop(): void {
    this.stopping = true;
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }

  async check(): Promise<ReadinessDto> {
    const age = await this.oldestDueJobSeconds();
    const jobsOk = age !== null && age <= JOBS_WITHIN_SECONDS;
    const runtime = this.runtimeStatus();
    // A process that only serves the API still accepts wishes when the workers are behind: that is said, but does not close it.
    const ready = !this.stopping && age !== null && (jobsOk || this.config.ROLE === 'api') && runtime.ok;
    return {
      status: this.stopping ? 'stopping' : ready ? 'ready' : 'not_ready',
      checks: {
        database: { ok: age !== null },
        jobs: { ok: jobsOk, oldest_due_seconds: age },
        runtime: { ok: runtime.ok, kind: runtime.kind, simulated: runtime.kind === 'simulated', reason: runtime.reason },
      },
    };
  }

  /** Null when the database gave no answer in time. One statement at a time, however many probes ask. */
  private async oldestDueJobSeconds(): Promise<number | null> {
    this.query ??= this.ask().finally(() => (this.query = undefined));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), DATABASE_WITHIN_MS);
    });
    try {
      return await Promise.race([this.query, late]);
    } catch (error) {
      this.logger.warn(`The database does not answer: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  private async ask(): Promise<number> {
    const [row] = await this.dataSource.query<{ age: number }[]>(
      `SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8 AS age
         FROM jobs WHERE due_at <= now() AND (lease_until IS NULL OR lease_until < now())`,
    );
    return Math.round((row?.age ?? 0) * 10) / 10;
  }
}
