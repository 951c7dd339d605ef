import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';
import { DeploymentsRepository, type LockedDeployment } from '../deployments/deployments.repository';

/** What a deployment weighs in the quota of its owner: its labels and all kept revisions. */
@Injectable()
export class Weight {
  constructor(private readonly deployments: DeploymentsRepository) {}

  /** Counts what the caller's transaction has added. The caller asks the quota. */
  async count(tx: Tx, { id }: Pick<LockedDeployment, 'id'>): Promise<void> {
    const bytes = await this.deployments.growth(tx, id);
    if (bytes !== 0) await this.deployments.grow(tx, id, bytes);
  }
}
