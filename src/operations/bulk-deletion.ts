import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import { DeletionDecision, type DeletionVerdict } from '../deletions/deletion-decision';
import { brakePolicies, brakeWords } from './brake';
import { BrakeRepository } from './brake.repository';
import type { ItemOutcome, LockedOperation } from './operation.types';
import { OperationItemsRepository } from './operation-items.repository';
import { Braked, RolledBack, type OperationWork, type Step } from './operation-work';
import { contextOf } from './origin';

/** How many deployments one transaction decides: enough to be fast, few enough that nothing waits long for a lock. */
const CHUNK = 50;

/**
 * Deletes a chunk of deployments per transaction, with the same decision as a single delete. When it is all or nothing,
 * one transaction deletes all.
 */
@Injectable()
export class BulkDeletion implements OperationWork {
  constructor(
    private readonly config: AppConfig,
    private readonly brake: BrakeRepository,
    private readonly items: OperationItemsRepository,
    private readonly decision: DeletionDecision,
  ) {}

  async step(tx: Tx, operation: LockedOperation): Promise<Step> {
    const { id, allOrNothing, options } = operation;
    const ids = await this.items.pending(tx, id, allOrNothing ? null : CHUNK);
    if (ids.length === 0) return { kind: 'nothing_pending' };
    const terms = { ...options, ifMatch: null, operationId: id };
    const { verdicts, audit, jobs } = await this.decision.decide(tx, ids, terms, contextOf(operation));
    const refused = verdicts.filter(({ kind }) => kind === 'refused');
    if (allOrNothing && refused.length > 0) {
      throw new RolledBack(refused.map(outcomeOf), `Nothing was deleted: ${refused.length} of ${verdicts.length} deployments were refused`);
    }
    const deleted = verdicts.flatMap((verdict) => (verdict.kind === 'deleted' ? [verdict.id] : []));
    if (!operation.confirmed && deleted.length > 0) await this.weigh(tx, operation, deleted);
    return { kind: 'decided', outcomes: verdicts.map(outcomeOf), audit, jobs };
  }

  /**
   * Comes after the deletions, because all operations share the lock of the brakes: whoever held it while waiting for a row of
   * one owner would make the operations of others wait.
   */
  private async weigh(tx: Tx, operation: LockedOperation, deleted: readonly string[]): Promise<void> {
    const words = brakeWords(await this.brake.weigh(tx, operation, deleted), brakePolicies(this.config));
    if (words) throw new Braked(words);
  }
}

function outcomeOf(verdict: DeletionVerdict): ItemOutcome {
  if (verdict.kind === 'deleted') return { deploymentId: verdict.id, state: 'deleted', code: null, detail: null };
  return { deploymentId: verdict.id, state: 'refused', code: verdict.error.code, detail: verdict.error.detail };
}
