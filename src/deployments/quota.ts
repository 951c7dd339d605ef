import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';

export interface QuotaDemand {
  readonly userId: string;
  /** How many deployments are added. */
  readonly deployments: number;
  /** How many replicas are added. */
  readonly replicas: number;
}

/** Limits how much one user may have alive. Costs nothing while no limit is configured. */
@Injectable()
export class Quota {
  constructor(private readonly config: AppConfig) {}

  /**
   * Throws `quota_exceeded` when the demand would go beyond a limit. Until the transaction ends, other demands of the same user
   * wait, so that two at once cannot both take what is left.
   */
  async require(tx: Tx, demand: QuotaDemand): Promise<void> {
    if (!this.isLimited(demand)) return;
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('fog-compute quota ' || $1, 0))`, [demand.userId]);
    await this.check(tx, demand);
  }

  /** Throws what `require` would throw now, without a lock, for a preview. */
  async check(tx: Tx, demand: QuotaDemand): Promise<void> {
    if (!this.isLimited(demand)) return;
    const { userId, deployments, replicas } = demand;
    const [now] = await tx.query<{ deployments: number; replicas: number }[]>(
      `SELECT count(*)::int AS deployments, coalesce(sum(target_replicas), 0)::int AS replicas
         FROM deployments WHERE user_id = $1 AND deleted_at IS NULL`,
      [userId],
    );
    if (!now) return;
    refuseBeyond('deployments', now.deployments, deployments, this.config.MAX_DEPLOYMENTS_PER_USER);
    refuseBeyond('replicas', now.replicas, replicas, this.config.MAX_REPLICAS_PER_USER);
  }

  private isLimited({ deployments, replicas }: QuotaDemand): boolean {
    const { MAX_DEPLOYMENTS_PER_USER: mostDeployments, MAX_REPLICAS_PER_USER: mostReplicas } = this.config;
    return (mostDeployments > 0 && deployments > 0) || (mostReplicas > 0 && replicas > 0);
  }
}

function refuseBeyond(what: 'deployments' | 'replicas', has: number, more: number, limit: number): void {
  if (limit === 0 || more <= 0 || has + more <= limit) return;
  throw new DomainError('quota_exceeded', `The quota allows ${limit} ${what}; there are ${has}, and ${more} more are asked for`, {
    members: { quota: what, limit, used: has, requested: more },
  });
}
