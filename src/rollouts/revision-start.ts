import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../common/request-context';
import { together } from '../database/together';
import type { Tx } from '../database/transaction';
import { DeployService } from '../deployments/commands/deploy.service';
import type { LockedDeployment } from '../deployments/deployments.repository';
import type { RolloutPolicy } from '../deployments/domain/rollout';
import { RevisionsRepository } from '../deployments/revisions.repository';
import { ContainerVault } from '../deployments/spec/container-vault';
import { RolloutsRepository } from '../deployments/rollouts.repository';
import { VolumeClaims } from '../deployments/volumes/volume-claims.service';
import type { ContainerSpec } from '../engines/container-spec';
import type { Changed } from './change.types';
import type { StoredState } from './stored-state.repository';

export interface NewContent {
  /** What there was when the caller had locked the deployment. */
  readonly now: Pick<StoredState, 'newestRevision'>;
  readonly container: ContainerSpec;
  /** What it changes, in words. */
  readonly what: string;
  readonly policy: Pick<RolloutPolicy, 'progressDeadlineSeconds'>;
  readonly imageDigest?: string | null;
}

/** The revision that is wanted from now on, and its rollout. */
export type Started = Pick<Changed, 'revision' | 'rollout'>;

/** Why a rollout is over at once. */
const NOTHING_RAN = 'The deployment was not running, so there was nothing to replace step by step';

/** Begins rollouts, in the caller's transaction, which holds the lock of the deployment row. */
@Injectable()
export class RevisionStart {
  constructor(
    private readonly revisions: RevisionsRepository,
    private readonly rollouts: RolloutsRepository,
    private readonly vault: ContainerVault,
    private readonly deploys: DeployService,
    private readonly volumes: VolumeClaims,
  ) {}

  /**
   * Adds a revision with the present values of its secrets and with its volumes, and rolls it out; where nothing runs it is the
   * current one at once. What it weighs is counted; the caller asks the quota. Throws `validation_failed` for a secret that the project does not
   * have, and what volumes throw.
   */
  async add(tx: Tx, deployment: LockedDeployment, content: NewContent, context: RequestContext): Promise<Started> {
    const { container, what, imageDigest } = content;
    const revision = content.now.newestRevision + 1;
    const values = await this.deploys.requireSecrets(tx, deployment.projectId, { container }, { keep: true });
    await this.volumes.claimCounted(tx, container, deployment);
    const sealed = this.vault.seal(container, deployment.id, values);
    const made = { number: revision, reason: what, createdBy: context.actor.userId, imageDigest: imageDigest ?? null };
    const [, , started] = await together([
      this.revisions.add(tx, deployment.id, sealed, made),
      this.revisions.forget(tx, deployment.id, revision),
      this.start(tx, deployment, { revision, words: `Revision ${revision}: ${what}`, policy: content.policy }, context),
    ]);
    return started;
  }

  /** Rolls a revision out that is there, or is written by a statement before this one. */
  async start(
    tx: Tx,
    deployment: LockedDeployment,
    { revision, words, policy }: { readonly revision: number; readonly words: string } & Pick<NewContent, 'policy'>,
    { actor, requestId }: RequestContext,
  ): Promise<Started> {
    const runs = deployment.status === 'running';
    const rollout = await this.rollouts.start(tx, deployment, {
      revision,
      words,
      deadlineSeconds: policy.progressDeadlineSeconds,
      atOnce: runs ? null : NOTHING_RAN,
      event: runs ? 'rollout_started' : 'rolled_out',
      changedBy: actor.userId,
      requestId,
    });
    return { revision, rollout };
  }
}
