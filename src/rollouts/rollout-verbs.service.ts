import { Injectable } from '@nestjs/common';
import { Commands, type Decided } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { together } from '../database/together';
import type { Tx } from '../database/transaction';
import { DeploymentsRepository, type LockedDeployment } from '../deployments/deployments.repository';
import { rolloutPolicyOf } from '../deployments/domain/rollout';
import type { RolloutDto } from '../deployments/dto/rollout.dto';
import { requireMatch } from '../deployments/etag';
import { requireLive } from '../deployments/refusals';
import { ReplicasRepository } from '../deployments/replicas.repository';
import { RolloutsRepository, type RolloutChange } from '../deployments/rollouts.repository';
import type { Changed } from './change.types';
import { StoredStateRepository } from './stored-state.repository';

export type RolloutVerb = 'pause' | 'resume' | 'abort';

interface Words {
  readonly change: Pick<RolloutChange, 'state' | 'reason' | 'counted'>;
  readonly history: string;
  readonly event: NonNullable<RolloutChange['told']>['event'];
  readonly message: string;
}

/** Pauses, resumes and aborts the open rollout. The reconciler does what follows. */
@Injectable()
export class RolloutVerbsService {
  constructor(
    private readonly commands: Commands,
    private readonly deployments: DeploymentsRepository,
    private readonly states: StoredStateRepository,
    private readonly rollouts: RolloutsRepository,
    private readonly replicas: ReplicasRepository,
  ) {}

  /** Throws `not_found`, `precondition_failed`, and `conflict` when no rollout is in the state for it. */
  apply(verb: RolloutVerb, id: string, context: RequestContext): Promise<Changed> {
    return this.commands.run(context, async (tx) => {
      const deployment = requireLive(await this.deployments.lock(tx, id, context.actor), id);
      requireMatch(context, deployment.version);
      const rollout = requireOpen(await this.states.rollout(tx, id), verb);
      return this.applyIn(tx, deployment, { verb, rollout }, context);
    });
  }

  private async applyIn(
    tx: Tx,
    { id, status }: LockedDeployment,
    { verb, rollout }: { readonly verb: RolloutVerb; readonly rollout: RolloutDto },
    { actor, requestId }: RequestContext,
  ): Promise<Decided<Changed>> {
    const { change, history, event, message } = wordsOf(verb, rollout, actor.username);
    const deadlineSeconds = verb === 'resume' ? await this.resume(tx, id) : undefined;
    const told = { words: history, event, changedBy: actor.userId, requestId };
    await this.rollouts.change(tx, id, { ...change, finished: false, told, ...(deadlineSeconds === undefined ? {} : { deadlineSeconds }) });
    const [{ revision }, now] = await together([this.states.read(tx, id), this.states.rollout(tx, id)]);
    return {
      outcome: { id, result: verb === 'abort' ? 'rolling_out' : 'updated', status, revision, rollout: now, message },
      audit: {
        action: `deployment.${verb}_rollout`,
        resourceType: 'deployment',
        resourceId: id,
        before: { state: rollout.state },
        after: { state: change.state, revision: rollout.revision },
      },
      jobs: [{ kind: 'deployment.reconcile', key: id }],
    };
  }

  /** What has failed does not count any more. Returns the seconds until the new deadline. */
  private async resume(tx: Tx, id: string): Promise<number> {
    await this.replicas.supersede(tx, await this.states.failedOfRollout(tx, id));
    return rolloutPolicyOf((await this.states.read(tx, id)).policy).progressDeadlineSeconds;
  }
}

/** Throws `conflict`, in words, unless the verb fits the rollout. */
function requireOpen(rollout: RolloutDto | null, verb: RolloutVerb): RolloutDto {
  if (!rollout || rollout.finished_at !== null) throw new DomainError('conflict', 'No rollout is open');
  const { state, revision } = rollout;
  if (state !== 'progressing' && state !== 'paused') throw new DomainError('conflict', `Revision ${revision} is on its way back already`);
  if (verb === 'pause' && state === 'paused') throw new DomainError('conflict', 'The rollout is paused already');
  if (verb === 'resume' && state === 'progressing') throw new DomainError('conflict', 'The rollout is not paused');
  return rollout;
}

function wordsOf(verb: RolloutVerb, { revision, from_revision: from }: RolloutDto, username: string): Words {
  switch (verb) {
    case 'pause':
      return {
        change: { state: 'paused', reason: `Paused by ${username}` },
        history: `Rollout of revision ${revision} paused by user`,
        event: 'rollout_paused',
        message: `Rollout of revision ${revision} paused`,
      };
    case 'resume':
      return {
        change: { state: 'progressing', reason: null },
        history: `Rollout of revision ${revision} resumed by user`,
        event: 'rollout_started',
        message: `Rolling out revision ${revision}`,
      };
    case 'abort':
      return {
        change: { state: 'rolled_back', reason: `Aborted by ${username}`, counted: 'aborted' },
        history:
          revision === from
            ? `Restart of revision ${revision} aborted by user, and the replicas from before stay`
            : `Revision ${revision} rolled back to ${from}: aborted by user`,
        event: 'rolled_back',
        message: `Going back to revision ${from}`,
      };
  }
}
