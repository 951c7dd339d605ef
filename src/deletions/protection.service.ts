import { Injectable } from '@nestjs/common';
import type { AuditEntry } from '../audit/audit';
import { Commands, UNCHANGED } from '../commands/commands';
import type { RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import type { EventType } from '../events/event-types';
import { Events } from '../events/events';
import { DeletionsRepository } from './deletions.repository';
import { ProtectionsRepository, type Safeguard } from './protections.repository';
import { requireMatch } from '../deployments/etag';
import { requireRole } from '../rights/rights';
import { deploymentNotFound } from '../deployments/refusals';

/** What protects a deployment after a change of its protection or legal hold. */
export interface Safeguarded {
  readonly id: string;
  readonly version: number;
  readonly protectionReason: string | null;
  readonly legalHoldReason: string | null;
}

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

/** Protection by the owner and legal hold by administrators: while one of them is set, a deployment cannot be deleted. */
@Injectable()
export class ProtectionService {
  constructor(
    private readonly commands: Commands,
    private readonly deletions: DeletionsRepository,
    private readonly protections: ProtectionsRepository,
    private readonly events: Events,
  ) {}

  /**
   * Sets the safeguard with its reason, or lifts it (null). Changes nothing when it is set or lifted already. Throws
   * `precondition_failed` and `not_found`, for a protection also when the deployment is deleted. A legal hold works on deleted
   * ones too: they are not purged.
   */
  apply(safeguard: Safeguard, id: string, reason: string | null, context: RequestContext): Promise<Safeguarded> {
    return this.commands.run(context, async (tx) => {
      const [deployment] = await this.deletions.lock(tx, [id], context.actor);
      if (!deployment || (safeguard === 'protection' && deployment.status === 'deleted')) throw deploymentNotFound(id);
      requireRole(deployment.role, 'deployment.change');
      const { version, protectionReason, legalHoldReason } = deployment;
      requireMatch(context, version);
      const before = safeguard === 'protection' ? protectionReason : legalHoldReason;
      if (before === reason) return { outcome: { id, version, protectionReason, legalHoldReason }, audit: UNCHANGED };
      const now =
        safeguard === 'protection' ? { protectionReason: reason, legalHoldReason } : { protectionReason, legalHoldReason: reason };
      return {
        outcome: { id, version: await this.protections.set(tx, id, safeguard, reason), ...now },
        audit: await this.tell(tx, safeguard, id, { before, reason }),
      };
    });
  }

  /** Records the event of the change, and returns what the audit log keeps of it. */
  private async tell(
    tx: Tx,
    safeguard: Safeguard,
    id: string,
    { before, reason }: { before: string | null; reason: string | null },
  ): Promise<AuditEntry> {
    const { action, event } = WORDS[safeguard][reason === null ? 'lift' : 'set'];
    // The reason of a legal hold may be confidential, so it goes to the audit log only.
    await this.events.record(tx, [{ type: event, deploymentId: id, ...(safeguard === 'protection' ? { data: { reason } } : {}) }]);
    return { action, resourceType: 'deployment', resourceId: id, before: { reason: before }, after: { reason } };
  }
}
