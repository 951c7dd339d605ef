import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import { DeploymentsRepository, type HeldDeployment } from '../deployments/deployments.repository';
import { rolloutPolicyOf } from '../deployments/domain/rollout';
import { SecretUsesRepository } from '../deployments/secret-uses.repository';
import { secretsOf } from '../deployments/spec/secret-env';
import { RevisionStart } from '../rollouts/revision-start';
import { StoredStateRepository } from '../rollouts/stored-state.repository';

/** So many deployments get a new revision in one request, which is one transaction. */
export const MOST_RESTARTS = 100;

interface NewVersion {
  readonly name: string;
  readonly version: number;
}

/** Gives the deployments that use a secret a new revision, which has its present value. */
@Injectable()
export class SecretRestarts {
  constructor(
    private readonly uses: SecretUsesRepository,
    private readonly deployments: DeploymentsRepository,
    private readonly states: StoredStateRepository,
    private readonly starts: RevisionStart,
  ) {}

  /** Locks those that use another version, in one order. One that has stopped using it meanwhile is left out. */
  async hold(tx: Tx, projectId: string, secret: NewVersion, { actor }: RequestContext): Promise<HeldDeployment[]> {
    const { ids } = await this.uses.outdated(tx, projectId, { ...secret, limit: MOST_RESTARTS });
    const held: HeldDeployment[] = [];
    for (const id of ids) {
      const deployment = await this.deployments.lock(tx, id, actor);
      if (deployment && deployment.status !== 'deleted' && deployment.projectId === projectId) held.push(deployment);
    }
    return held;
  }

  /** Rolls the content of the wanted revision out again, or makes it the current one where nothing runs. */
  async start(tx: Tx, deployment: HeldDeployment, { name, version }: NewVersion, context: RequestContext): Promise<void> {
    const now = await this.states.read(tx, deployment.id);
    const { container, policy } = now;
    if (!secretsOf(container).includes(name)) return;
    const what = `secret ${name} in version ${version}`;
    await this.starts.add(tx, deployment, { now, container, what, policy: rolloutPolicyOf(policy) }, context);
  }
}
