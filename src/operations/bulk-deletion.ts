import { Injectable } from '@nestjs/common';
import { Audit } from '../audit/audit';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import { DeletionDecision, type DeletionVerdict } from '../deletions/deletion-decision';
import { JobQueue } from '../jobs/job-queue';
import { Events } from '../events/events';
import { brakePolicy, brakeWords } from './brake';
import type { ItemOutcome, LockedOperation } from './operation.types';
import { contextOf, RolledBack, type OperationWork } from './operation-work';
import { OperationsRepository } from './operations.repository';

/** So many deployments are decided in one transaction: long enough to be fast, short enough to keep nobody waiting for a lock. */
const CHUNK = 50;

/** Deletes some deployments a transaction, with the same decision as a single delete; all at once when it is all or nothing. */
@Injectable()
export class BulkDeletion implements OperationWork {
  constructor(
    private readonly config: AppConfig,
    private readonly operations: OperationsRepository,
    private readonly decision: DeletionDecision,
    private readonly events: Events,
    private readonly audit: Audit,
    private readonly jobs: JobQueue,
  ) {}

  async step(tx: Tx, operation: LockedOperation): Promise<boolean> {
    const { id, kind, userId, allOrNothing, options } = operation;
    const words = operation.confirmed ? null : brakeWords(await this.operations.weigh(tx, id), brakePolicy(this.config));
    if (words !== null) {
      await this.operations.changeStatus(tx, id, 'waiting_for_confirmation', words);
      await this.events.record(tx, [{ type: 'fog.operation.waiting', userId, data: { operation_id: id, kind, reason: words } }]);
      return true;
    }
    const ids = await this.operations.pending(tx, id, allOrNothing ? Number.MAX_SAFE_INTEGER : CHUNK);
    if (ids.length === 0) return false;
    const context = contextOf(operation);
    const { verdicts, audit, jobs } = await this.decision.decide(tx, ids, { ...options, ifMatch: null, operationId: id }, context);
    const refused = verdicts.filter(({ kind }) => kind === 'refused');
    if (allOrNothing && refused.length > 0) {
      throw new RolledBack(refused.map(outcomeOf), `Nothing was deleted: ${refused.length} of ${verdicts.length} deployments were refused`);
    }
    await this.audit.recordAll(tx, context, audit);
    await this.jobs.enqueue(tx, jobs);
    await this.operations.decided(tx, id, verdicts.map(outcomeOf));
    return true;
  }
}

function outcomeOf(verdict: DeletionVerdict): ItemOutcome {
  if (verdict.kind === 'deleted') return { deploymentId: verdict.id, state: 'deleted', code: null, detail: null };
  return { deploymentId: verdict.id, state: 'refused', code: verdict.error.code, detail: verdict.error.detail };
}
