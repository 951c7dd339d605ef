import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import type { RequestContext } from '../common/request-context';
import { inTransaction } from '../database/transaction';
import type { EventType } from '../events/event-types';
import { Events } from '../events/events';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { DeletionsRepository } from './deletions.repository';
import { ProtectionDto } from './dto/protection.dto';
import { etagOf } from '../deployments/etag';
import { ProtectionsRepository, type Safeguard } from './protections.repository';
import { deploymentNotFound } from '../deployments/refusals';

interface Words {
  readonly set: { readonly action: string; readonly event: EventType };
  readonly lift: { readonly action: string; readonly event: EventType };
}

const WORDS: Readonly<Record<Safeguard, Words>> = {
  protection: {
    set: { action: 'deployment.protect', event: 'fog.deployment.protected' },
    lift: { action: 'deployment.unprotect', event: 'fog.deployment.unprotected' },
  },
  hold: {
    set: { action: 'deployment.hold', event: 'fog.deployment.held' },
    lift: { action: 'deployment.unhold', event: 'fog.deployment.unheld' },
  },
};

/** Protection by the owner and legal hold by administrators: while either is on, a deployment is not deleted. */
@Injectable()
export class ProtectionService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly deletions: DeletionsRepository,
    private readonly protections: ProtectionsRepository,
    private readonly events: Events,
    private readonly audit: Audit,
    private readonly idempotency: IdempotencyService,
  ) {}

  /**
   * Sets the safeguard with its reason, or lifts it (null); what is so already stays untouched. Throws `not_found`, for a
   * protection also when the deployment is deleted. A hold works on deleted ones too: it keeps them from being purged.
   */
  apply(
    safeguard: Safeguard,
    id: string,
    reason: string | null,
    context: RequestContext,
  ): Promise<{ answer: ProtectionDto; etag: string }> {
    return inTransaction(this.dataSource, async (tx) => {
      const [deployment] = await this.deletions.lock(tx, [id], context.actor);
      if (!deployment || (safeguard === 'protection' && deployment.status === 'deleted')) throw deploymentNotFound(id);
      const { protectionReason, legalHoldReason } = deployment;
      const before = safeguard === 'protection' ? protectionReason : legalHoldReason;
      let { version } = deployment;
      if (before !== reason) {
        version = await this.protections.set(tx, id, safeguard, reason);
        const { action, event } = WORDS[safeguard][reason === null ? 'lift' : 'set'];
        // The reason of a hold may be nobody's business but the administrators': it goes to the audit log only.
        await this.events.record(tx, [{ type: event, deploymentId: id, ...(safeguard === 'protection' ? { data: { reason } } : {}) }]);
        await this.audit.record(tx, context, {
          action,
          resourceType: 'deployment',
          resourceId: id,
          before: { reason: before },
          after: { reason },
        });
      }
      const now =
        safeguard === 'protection' ? { protectionReason: reason, legalHoldReason } : { protectionReason, legalHoldReason: reason };
      const answer = ProtectionDto.of(id, now);
      await this.idempotency.storeAnswer(tx, context, { status: 200, body: answer });
      return { answer, etag: etagOf(version) };
    });
  }
}
