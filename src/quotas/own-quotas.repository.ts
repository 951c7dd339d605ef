import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { readQuotaList, type OwnQuota } from '../config/quota-list';
import type { Tx } from '../database/transaction';

/** The limits that administrators set for users and projects. Those of a user are in the row of the personal project, which has the same id. */
@Injectable()
export class OwnQuotas {
  private readonly newcomers: OwnQuota;

  constructor(config: AppConfig) {
    this.newcomers = readQuotaList(config.REGISTRATION_QUOTA);
  }

  /** Gives a user who was just made the limits of those whom no administrator has added. */
  async setForNewcomer(tx: Tx, userId: string): Promise<void> {
    await this.set(tx, userId, this.newcomers);
  }

  /** Replaces all of them, and gives those of before. Null when there is no such user or project. Adds one to its version. */
  async set(tx: Tx, id: string, quota: OwnQuota): Promise<OwnQuota | null> {
    const [row] = await tx.query<{ quota: OwnQuota }[]>(SET, [id, JSON.stringify(quota)]);
    return row?.quota ?? null;
  }
}

/** $1 project, $2 its limits. */
const SET = `
  WITH before AS (SELECT id, quota FROM projects WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE),
  changed AS (
    UPDATE projects AS p SET quota = $2, version = version + 1, updated_at = clock_timestamp()
      FROM before WHERE p.id = before.id)
  SELECT quota FROM before`;
