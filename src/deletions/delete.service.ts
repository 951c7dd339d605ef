import { Injectable, Logger } from '@nestjs/common';
import { Commands } from '../commands/commands';
import { Standing } from '../commands/standing';
import type { RequestContext } from '../common/request-context';
import { DeletionDecision, type DeletionOptions, type DeletionVerdict } from './deletion-decision';
import { HastenTeardown } from './hasten-teardown';
import { DeploymentMetrics } from '../deployments/deployment-metrics';
import { TeardownWatch, type TeardownState } from './teardown-watch';

type Decision = Extract<DeletionVerdict, { kind: 'deleted' }>;

/** A deletion that was decided, and how far its teardown is. */
export interface Deleted {
  readonly decision: Decision;
  readonly teardown: TeardownState;
}

/**
 * Deletes a deployment. One transaction decides it, all or nothing, without calling an engine. The teardown that follows is the
 * reconciler's work; this service only waits for it and reports how far it is.
 */
@Injectable()
export class DeleteService {
  private readonly logger = new Logger(DeleteService.name);

  constructor(
    private readonly commands: Commands,
    private readonly decisions: DeletionDecision,
    private readonly teardowns: TeardownWatch,
    private readonly metrics: DeploymentMetrics,
    private readonly hastening: HastenTeardown,
    private readonly standing: Standing,
  ) {}

  /**
   * Throws the refusals of `DeletionDecision`. With `force`, a deployment that is deleted already is torn down faster, once, if its
   * teardown is not complete. Waits up to `waitSeconds` for the teardown and reports how far it is then.
   */
  async delete(id: string, options: DeletionOptions, waitSeconds: number, context: RequestContext): Promise<Deleted> {
    const decided = await this.metrics.timeDecision(() => this.decide(id, options, context));
    const { decision } = decided;
    if (decision.complete || waitSeconds === 0) return decided;
    return { decision, teardown: await this.follow(decision, waitSeconds * 1000, context) };
  }

  /** The decision is committed, so the answer may no longer be an error, even if reading the progress fails. */
  private async follow(decision: Decision, timeoutMs: number, { actor }: RequestContext): Promise<TeardownState> {
    try {
      return await this.standing.during(actor, (lost) => this.teardowns.wait(decision.id, decision.stoppingIds, { timeoutMs, lost }));
    } catch (error) {
      this.logger.warn(`The teardown of ${decision.id} could not be followed: ${String(error)}`);
      return undone(decision);
    }
  }

  private decide(id: string, options: DeletionOptions, context: RequestContext): Promise<Deleted> {
    return this.commands.run(context, async (tx) => {
      const { verdicts, audit, jobs } = await this.decisions.decide(tx, [id], options, context);
      const [verdict] = verdicts;
      if (!verdict) throw new Error(`No verdict about ${id}`);
      if (verdict.kind === 'refused') {
        const isDeleted = options.force && verdict.error.code === 'already_deleted';
        const hastened = isDeleted ? await this.hastening.hasten(tx, id, { ...options, actor: context.actor }) : null;
        if (!hastened) throw verdict.error;
        const decision = { kind: 'deleted' as const, ...hastened.decision };
        return {
          outcome: { decision, teardown: undone(decision) },
          audit: hastened.audit,
          jobs: [{ kind: 'deployment.reconcile' as const, key: id }],
        };
      }
      return { outcome: { decision: verdict, teardown: undone(verdict) }, audit, jobs };
    });
  }
}

/** What is known right after the decision. */
const undone = ({ complete, stoppingIds }: Decision): TeardownState => ({
  complete,
  stopped: 0,
  stopping: stoppingIds.length,
  released: complete,
});
