import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Commands } from '../commands/commands';
import type { RequestContext } from '../common/request-context';
import { together } from '../database/together';
import { inTransaction, type Tx } from '../database/transaction';
import { DeploymentsRepository, type LockedDeployment } from '../deployments/deployments.repository';
import { requireMatch } from '../deployments/etag';
import { requireLive } from '../deployments/refusals';
import { isCapacityTaken } from '../nodes/nodes.repository';
import { ChangeApplier, type Wishes } from './change-applier';
import { ChangePreviews, type ChangePreview } from './change-previews';
import type { Changed } from './change.types';
import type { JsonObject } from './merge-patch';
import { StoredStateRepository } from './stored-state.repository';
import { readPatch, wantedNow } from './wanted';

/** Changes a deployment by a merge patch of what is wanted of it. */
@Injectable()
export class ChangeService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly commands: Commands,
    private readonly deployments: DeploymentsRepository,
    private readonly states: StoredStateRepository,
    private readonly applier: ChangeApplier,
    private readonly previews: ChangePreviews,
  ) {}

  /**
   * Merges under the lock, so that two changes at once both hold. Throws `not_found`, `precondition_failed`, `validation_failed` for
   * a result that no deploy could ask for, and what `ChangeApplier` throws.
   */
  change(id: string, patch: JsonObject, context: RequestContext): Promise<Changed> {
    return this.commands.run(
      context,
      async (tx, attempt) => {
        const { deployment, wishes } = await this.begin(tx, id, patch, context);
        return this.applier.apply(tx, deployment, wishes, { context, attempt, action: 'deployment.change', retries: false });
      },
      { retryOn: isCapacityTaken },
    );
  }

  /** What `change` would do. Writes nothing. Throws what it would throw because of the patch. */
  preview(id: string, patch: JsonObject, context: Pick<RequestContext, 'actor' | 'ifMatch'>): Promise<ChangePreview> {
    return inTransaction(this.dataSource, async (tx) => {
      const { deployment, wishes } = await this.begin(tx, id, patch, context);
      return this.previews.preview(tx, deployment, wishes, { actor: context.actor, retries: false });
    });
  }

  /** Locks the deployment, and reads what is wanted of it now, and what the patch makes of that. */
  private async begin(
    tx: Tx,
    id: string,
    patch: JsonObject,
    context: Pick<RequestContext, 'actor' | 'ifMatch'>,
  ): Promise<{ deployment: LockedDeployment; wishes: Wishes }> {
    const [found, sealed] = await together([this.deployments.lock(tx, id, context.actor), this.states.load(tx, id)]);
    const deployment = requireLive(found, id);
    requireMatch(context, deployment.version);
    const state = this.states.open(id, sealed);
    const before = wantedNow(state);
    return { deployment, wishes: { before, wanted: readPatch(before, patch), now: state } };
  }
}
