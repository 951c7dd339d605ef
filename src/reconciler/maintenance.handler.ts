import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AuditRetention } from '../audit/audit-retention';
import { purgeExpiredCredentials } from '../auth/purge-expired-credentials';
import { IdempotencyService } from '../idempotency/idempotency.service';
import type { JobHandler, JobResult } from '../jobs/job-kinds';
import { NotificationUpkeep } from '../notifications/notification-upkeep';
import { OperationsRepository } from '../operations/operations.repository';
import { FleetBootstrap } from './fleet-bootstrap';
import { ResyncRepository } from './resync.repository';

const EVERY_MS = 30_000;

/** What has to be done now and then, by one process at a time: the resync, the local engine, and throwing away what has expired. */
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

  async handle(): Promise<JobResult> {
    await this.fleet.registerOwnNodes();
    await this.resync.enqueueNodes();
    const found = await this.resync.enqueueUnsettled();
    if (found > 0) this.logger.warn(`${found} unsettled deployments had no job and were queued again`);
    await this.idempotency.purgeExpiredKeys();
    await purgeExpiredCredentials(this.dataSource.manager);
    await this.auditRetention.purge();
    await this.notificationUpkeep.run();
    await this.operations.upkeep(this.dataSource.manager);
    return { kind: 'again', afterMs: EVERY_MS };
  }
}
