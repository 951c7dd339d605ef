import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { RequestContext } from '../common/request-context';
import { inTransaction } from '../database/transaction';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { DeletionDecision, type DeletionOptions, type DeletionVerdict } from './deletion-decision';
import { DeploymentMetrics } from '../deployments/deployment-metrics';
import { DeletionAnswerDto } from './dto/deletion-answer.dto';
import { deletionPath } from '../deployments/refusals';
import { TeardownWatch, type TeardownState } from './teardown-watch';

type Decision = Extract<DeletionVerdict, { kind: 'deleted' }>;

/**
 * Deletes a deployment. One transaction decides it: all or nothing, no engine is called inside. The teardown that follows
 * is the reconciler's; this service only waits for it and tells what is true so far.
 */
@Injectable()
export class DeleteService {
  private readonly logger = new Logger(DeleteService.name);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly decisions: DeletionDecision,
    private readonly idempotency: IdempotencyService,
    private readonly teardowns: TeardownWatch,
    private readonly metrics: DeploymentMetrics,
  ) {}

  /** Throws what `DeletionDecision` refuses with. Waits up to `waitSeconds` for the teardown; `complete` says if it ended. */
  async delete(
    id: string,
    options: DeletionOptions,
    waitSeconds: number,
    context: RequestContext,
  ): Promise<{ complete: boolean; answer: DeletionAnswerDto }> {
    const decision = await this.metrics.timeDecision(() => this.decide(id, options, context));
    const teardown = decision.complete || waitSeconds === 0 ? undone(decision) : await this.follow(decision, waitSeconds * 1000);
    return { complete: teardown.complete, answer: DeletionAnswerDto.of(decision, teardown) };
  }

  /** The decision has been committed: whatever happens while we watch, the answer may no longer say that it failed. */
  private async follow(decision: Decision, timeoutMs: number): Promise<TeardownState> {
    try {
      return await this.teardowns.wait(decision.id, decision.stoppingIds, timeoutMs);
    } catch (error) {
      this.logger.warn(`The teardown of ${decision.id} could not be followed: ${String(error)}`);
      return undone(decision);
    }
  }

  private decide(id: string, options: DeletionOptions, context: RequestContext): Promise<Decision> {
    return inTransaction(this.dataSource, async (tx) => {
      const [verdict] = await this.decisions.decide(tx, [id], options, context);
      if (!verdict) throw new Error(`No verdict about ${id}`);
      if (verdict.kind === 'refused') throw verdict.error;
      const answer = DeletionAnswerDto.of(verdict, undone(verdict));
      await this.idempotency.storeAnswer(tx, context, { status: 202, body: answer, location: deletionPath(id) });
      return verdict;
    });
  }
}

/** What is certain right after the decision. */
const undone = ({ complete, stoppingIds }: Decision): TeardownState => ({
  complete,
  stopped: 0,
  stopping: stoppingIds.length,
  released: complete,
});
