import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AuditRetention } from '../audit/audit-retention';
import { purgeExpiredCredentials } from '../auth/purge-expired-credentials';
import { IdempotencyService } from '../idempotency/idempotency.service';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { NotificationUpkeep } from '../notifications/notification-upkeep';
import { OperationsRepository } from '../operations/operations.repository';
import { FleetBootstrap } from '../reconciler/fleet-bootstrap';
import { ResyncRepository } from '../reconciler/resync.repository';

const EVERY_MS = 30_000;

/**
 * The periodic work that one process at a time does: the resync, registering the local engine, and deleting what has expired.
 */
@Injectable()
export class MaintenanceHandler implements JobHandler {
  readonly kind = 'maintenance';
  readonly concurrency = 1;
  private readonly logger = new Logger(MaintenanceHandler.name);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly fleet: FleetBootstrap,
    private readonly resync: ResyncRepository,
    private readonly idempotency: IdempotencyService,
    private readonly auditRetention: AuditRetention,
    private readonly notificationUpkeep: NotificationUpkeep,
    private readonly operations: OperationsRepository,
  ) {}

  private readonly chores: Readonly<Record<string, () => Promise<unknown>>> = {
    'registration of own nodes': () => this.fleet.registerOwnNodes(),
    'resync of nodes': () => this.resync.enqueueNodes(),
    'resync of deployments': () => this.requeueUnsettled(),
    'purge of idempotency keys': () => this.idempotency.purgeExpiredKeys(),
    'purge of credentials': () => purgeExpiredCredentials(this.dataSource.manager),
    'purge of the audit log': () => this.auditRetention.purge(),
    'upkeep of notifications': () => this.notificationUpkeep.run(),
    'upkeep of operations': () => this.operations.upkeep(this.dataSource.manager),
  };

  /** A task that fails does not keep the others from being done. */
  async handle(_job: ClaimedJob, signal: AbortSignal): Promise<JobResult> {
    const failures: string[] = [];
    for (const [name, chore] of Object.entries(this.chores)) {
      signal.throwIfAborted();
      try {
        await chore();
      } catch (error) {
        this.logger.warn(`The ${name} failed: ${String(error)}`);
        failures.push(`${name} (${error instanceof Error ? error.message : String(error)})`);
      }
    }
    if (failures.length > 0) throw new Error(`Not done: ${failures.join(', ')}`);
    return { kind: 'again', afterMs: EVERY_MS };
  }

  private async requeueUnsettled(): Promise<void> {
    const found = await this.resync.enqueueUnsettled();
    if (found > 0) this.logger.warn(`${found} unsettled deployments had no job and were queued again`);
  }
}
