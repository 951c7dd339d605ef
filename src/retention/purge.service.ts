import { Injectable } from '@nestjs/common';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import { Events } from '../events/events';
import { requireMatch } from '../deployments/etag';
import { purgeBlocks, type PurgeBlock } from './purge-block';
import { PurgeMetrics } from './purge-metrics';
import { purgeAudit, purgeEvent } from './purge-records';
import { PurgeRepository, type PurgeCandidate } from './purge.repository';
import { PurgedVolumes } from './purged-volumes';

export interface PurgeOptions {
  /** Purge before `purge_at`. Needs a reason. */
  readonly overrideRetention: boolean;
  /** Goes to the audit log. */
  readonly reason: string | null;
}

/** What a purge did. */
export interface PurgeEffect {
  /** The deployment as it was. */
  readonly candidate: PurgeCandidate;
  /** The names of the volumes that went with it. */
  readonly volumes: readonly string[];
}

/** What a purge would do. */
export interface PurgePreview extends PurgeEffect {
  /** Why it would be refused; empty: it would not. */
  readonly blocks: readonly PurgeBlock[];
}

/** The purge of one deployment by an administrator. The same facts decide as for the background. */
@Injectable()
export class PurgeService {
  constructor(
    private readonly commands: Commands,
    private readonly repository: PurgeRepository,
    private readonly events: Events,
    private readonly metrics: PurgeMetrics,
    private readonly volumes: PurgedVolumes,
  ) {}

  /** Writes nothing. Throws `not_found` and `precondition_failed`. */
  async preview(id: string, { overrideRetention }: PurgeOptions, context: Pick<RequestContext, 'ifMatch'>): Promise<PurgePreview> {
    const candidate = await this.repository.find(id);
    if (!candidate) throw notFound(id);
    requireMatch(context, candidate.version);
    return { candidate, volumes: await this.volumes.of(id), blocks: purgeBlocks(candidate, overrideRetention) };
  }

  /**
   * Removes all rows of the deployment, records an audit row and an event, and says what went. Throws
   * `not_found`, `precondition_failed` and the codes of `purgeBlocks`.
   */
  async purge(id: string, options: PurgeOptions, context: RequestContext): Promise<PurgeEffect> {
    const purged = await this.commands.run(context, async (tx) => {
      await this.repository.begin(tx);
      const candidate = await this.lockPurgeable(tx, id, options);
      requireMatch(context, candidate.version);
      if (!candidate.due) await this.repository.bringForward(tx, id);
      await this.events.record(tx, [purgeEvent(candidate)]);
      const volumes = (await this.volumes.release(tx, [id])).map(({ name }) => name);
      await this.repository.erase(tx, [id]);
      const after = { reason: options.reason, override_retention: options.overrideRetention && !candidate.due, volumes };
      return { outcome: { candidate, volumes }, audit: purgeAudit(candidate, after) };
    });
    this.metrics.count('administrator', 1);
    return purged;
  }

  private async lockPurgeable(tx: Tx, id: string, { overrideRetention }: PurgeOptions): Promise<PurgeCandidate> {
    if (!(await this.repository.lock(tx, id))) throw notFound(id);
    const [candidate] = await this.repository.candidates(tx, [id]);
    if (!candidate) throw notFound(id);
    const blocks = purgeBlocks(candidate, overrideRetention);
    const [first] = blocks;
    if (first) {
      const members = { deployment_id: id, purge_at: candidate.purgeAt?.toISOString() ?? null, blocked_by: blocks.map(({ code }) => code) };
      throw new DomainError(first.code, `${blocks.map(({ detail }) => detail).join('. ')}.`, { members });
    }
    return candidate;
  }
}

const notFound = (id: string): DomainError => new DomainError('not_found', `Deployment ${id} not found`);
