import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import { mayKnow } from '../quotas/asker';
import { refuseBeyond } from '../quotas/refuse-beyond';
import { OperationsRepository } from './operations.repository';

/** Limits how many operations a user may have. */
@Injectable()
export class OperationQuota {
  constructor(
    private readonly config: AppConfig,
    private readonly operations: OperationsRepository,
  ) {}

  /**
   * Throws `quota_exceeded` when the user has too many operations that have not ended, or too many items that are kept. `open`: how
   * many more will not have ended at once. It comes before the quotas of deployments in the order of locks, and under a key of its own:
   * those are locked in the order of their ids.
   */
  async require(tx: Tx, actor: Actor, { open, items }: { readonly open: number; readonly items: number }): Promise<void> {
    const { MAX_OPEN_OPERATIONS_PER_USER: mostOpen, MAX_OPERATION_ITEMS_PER_USER: mostItems } = this.config;
    if (items === 0 || mostOpen + mostItems === 0) return;
    const { userId } = actor;
    await tx.query(LOCK, [userId]);
    const held = await this.operations.heldBy(tx, userId);
    const isSecret = !mayKnow(actor, userId);
    refuseBeyond({
      isSecret,
      quota: 'operations',
      what: 'operations that have not ended',
      limit: mostOpen === 0 ? null : mostOpen,
      used: held.open,
      requested: open,
    });
    const what = 'deployments in the operations of the last 30 days';
    const limit = mostItems === 0 ? null : mostItems;
    refuseBeyond({ isSecret, quota: 'operation_items', what, limit, used: held.items, requested: items });
  }
}

/** $1 user. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtextextended('fog-compute operations ' || $1, 0))`;
