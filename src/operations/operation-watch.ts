import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { PubSub } from '../database/pub-sub';
import { afterCommit, type Tx } from '../database/transaction';
import { ProgressWatch } from '../jobs/progress-watch';
import type { OperationStatus } from './operation.types';

/** The topic that tells, by its id, that an operation has moved. */
const TOPIC = 'fog_operation';

/** Waits for operations by what the database says, whichever process does the work. */
@Injectable()
export class OperationWatch {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly pubSub: PubSub,
    private readonly progress: ProgressWatch,
  ) {}

  /** Wakes all that wait for this operation, once the transaction has committed. */
  announce(tx: Tx, id: string): void {
    afterCommit(tx, () => this.pubSub.publish(TOPIC, id));
  }

  /**
   * Resolves when the operation has ended or waits for an administrator, when `timeoutMs` have passed, when
   * `lost` aborts, or when the process stops. Every item announces itself, so each time only the status is read.
   */
  async wait(id: string, until: { timeoutMs: number; lost: AbortSignal }): Promise<void> {
    await this.progress.follow(
      { topic: TOPIC, key: id, ...until },
      () => this.statusOf(id),
      (status) => status !== 'running',
    );
  }

  /** Null: there is none. */
  private async statusOf(id: string): Promise<OperationStatus | null> {
    const text = `SELECT status FROM operations WHERE id = $1`;
    const [row] = await this.dataSource.query<{ status: OperationStatus }[]>(text, [id]);
    return row?.status ?? null;
  }
}
