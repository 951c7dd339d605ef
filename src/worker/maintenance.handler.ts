import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AuditRetention } from '../audit/audit-retention';
import { GroupExpiry } from '../auth/group-expiry';
import { purgeExpiredCredentials } from '../auth/purge-expired-credentials';
import { ChecksRepository } from '../checks/checks.repository';
import { ClockWatch } from '../database/clock-watch';
import { IdempotencyService } from '../idempotency/idempotency.service';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { NotificationUpkeep } from '../notifications/notification-upkeep';
import { OperationsRepository } from '../operations/operations.repository';
import { SightingsRepository } from '../orphans/sightings.repository';
import { FleetBootstrap } from '../reconciler/fleet-bootstrap';
import { ResyncRepository } from '../reconciler/resync.repository';
import { VolumesRepository } from '../volumes/volumes.repository';
import { EnvSealing } from './env-sealing';
import { PortCounting } from './port-counting';
import { StepBack } from './step-back';

const EVERY_MS = 30_000;

/**
 * The periodic work that one process at a time does: the resync, registering the local engine, and deleting what has expired.
 */
@Injectable()
export class MaintenanceHandler implements JobHandler {
  readonly kind = 'maintenance';
  readonly concurrency = 1;
  readonly longestDelayMs = 120_000;
  private readonly logger = new Logger(MaintenanceHandler.name);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly fleet: FleetBootstrap,
    private readonly resync: ResyncRepository,
    private readonly idempotency: IdempotencyService,
    private readonly auditRetention: AuditRetention,
    private readonly notificationUpkeep: NotificationUpkeep,
    private readonly operations: OperationsRepository,
    private readonly checks: ChecksRepository,
    private readonly orphans: SightingsRepository,
    private readonly clock: ClockWatch,
    private readonly stepBack: StepBack,
    private readonly envSealing: EnvSealing,
    private readonly groups: GroupExpiry,
    private readonly portCounting: PortCounting,
    private readonly volumes: VolumesRepository,
  ) {}

  private readonly chores: Readonly<Record<string, () => Promise<unknown>>> = {
    'look at the clock': () => this.lookAtClock(),
    'registration of own nodes': () => this.fleet.registerOwnNodes(),
    'resync of nodes': () => this.resync.enqueueNodes(),
    'resync of deployments': () => this.requeueUnsettled(),
    'resync of health checks': () => this.checks.enqueueLost(),
    'resync of volumes': () => this.volumes.enqueueRemovals(),
    'upkeep of notifications': () => this.notificationUpkeep.run(),
    'upkeep of operations': () => this.operations.enqueueLost(this.dataSource.manager),
    'look for routes without a deployment': () => this.orphans.sightRoutes(),
    'encryption of env': () => this.envSealing.run(),
    'count of ports': () => this.portCounting.run(),
    'purge of idempotency keys': () => this.ifClockIsTrusted(() => this.idempotency.purgeExpiredKeys()),
    'purge of credentials': () => this.ifClockIsTrusted(() => purgeExpiredCredentials(this.dataSource.manager)),
    'end of old groups': () => this.ifClockIsTrusted(() => this.groups.forgetOld()),
    'purge of the audit log': () => this.ifClockIsTrusted(() => this.auditRetention.purge()),
    'purge of events': () => this.ifClockIsTrusted(() => this.notificationUpkeep.removeOld()),
    'purge of orphans': () => this.ifClockIsTrusted(() => this.orphans.removeOld()),
    'purge of operations': () => this.ifClockIsTrusted(() => this.operations.removeOld(this.dataSource.manager)),
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

  private async lookAtClock(): Promise<void> {
    const { wentBack, stepSeconds } = await this.clock.look();
    if (wentBack) await this.stepBack.repair();
    if (stepSeconds === null) return;
    this.logger.warn(
      `The clock of the database has moved by ${Math.round(stepSeconds)} s without so much time having passed. Nothing is removed by its age ` +
        'until an administrator confirms the time: POST /api/admin/clock/confirm',
    );
  }

  /** What is removed cannot come back, so each removal asks anew. */
  private async ifClockIsTrusted(remove: () => Promise<unknown>): Promise<void> {
    if (await this.clock.mayRemove()) await remove();
  }

  private async requeueUnsettled(): Promise<void> {
    const found = await this.resync.enqueueUnsettled();
    if (found > 0) this.logger.warn(`${found} unsettled deployments had no job and were queued again`);
  }
}
