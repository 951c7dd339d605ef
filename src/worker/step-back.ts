import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { inTransaction } from '../database/transaction';
import { JobQueue } from '../jobs/job-queue';
import { NodesRepository } from '../nodes/nodes.repository';
import { NotificationUpkeep } from '../notifications/notification-upkeep';
import { bringBack, BRING_BACK_REPLICAS, BRING_BACK_ROLLOUTS, LOCK_DEPLOYMENTS_AHEAD, TIMES_AHEAD } from './times-ahead';

const DEPLOYMENTS_AT_ONCE = 200;

/**
 * What is to be done when the clock of the database was set back: what is due is due by a time that comes later now, and
 * nodes that have died meanwhile would look alive until then.
 */
@Injectable()
export class StepBack {
  private readonly logger = new Logger('Clock');

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly jobs: JobQueue,
    private readonly nodes: NodesRepository,
    private readonly notifications: NotificationUpkeep,
  ) {}

  /** Safe to repeat: work that is done too early finds nothing to do. */
  async repair(): Promise<void> {
    const jobs = await this.jobs.bringAllForward(); // first: without it nothing else is done
    await this.nodes.clampHeartbeats();
    await this.notifications.bringForward();
    for (const time of TIMES_AHEAD) await this.dataSource.query(bringBack(time));
    while (await this.bringBackDeployments());
    this.logger.warn(`The clock of the database was set back: ${jobs} jobs that were due later are due now`);
  }

  /** Whether there may be more. */
  private bringBackDeployments(): Promise<boolean> {
    return inTransaction(this.dataSource, async (tx) => {
      const ids = (await tx.query<{ id: string }[]>(LOCK_DEPLOYMENTS_AHEAD, [DEPLOYMENTS_AT_ONCE])).map(({ id }) => id);
      await tx.query(BRING_BACK_REPLICAS, [ids]);
      await tx.query(BRING_BACK_ROLLOUTS, [ids]);
      return ids.length === DEPLOYMENTS_AT_ONCE;
    });
  }
}
