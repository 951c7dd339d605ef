import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit, type AuditEntry, type AuditOrigin } from '../audit/audit';
import type { DomainError } from '../common/problem/domain-error';
import type { OpenRequestContext, RequestContext } from '../common/request-context';
import type { Statement } from '../database/statement';
import { inTransaction, type TransactionOptions, type Tx } from '../database/transaction';
import type { JobWish, JobWishes } from '../jobs/job-kinds';
import { JobQueue } from '../jobs/job-queue';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { Standing } from './standing';

/** Says in place of audit rows that a command has changed nothing, so there is nothing to record. */
export const UNCHANGED = Symbol('unchanged');

/** What a command hands on besides its outcome: audit rows and jobs. */
interface Told {
  /** The rows of the audit log. A command cannot leave them out: without this member it does not compile. */
  readonly audit: AuditEntry | readonly AuditEntry[] | typeof UNCHANGED;
  /** The actor to record, where it is known only afterwards, as at a log-in. Absent: the caller. */
  readonly actor?: AuditOrigin['actor'];
  /** The jobs to queue. Absent: none. */
  readonly jobs?: readonly JobWish[];
  /** Many jobs of one owner, besides. Absent: none. */
  readonly manyJobs?: JobWishes;
}

/** What a command has decided: its outcome for the caller, or a refusal that commits what was written all the same. */
export type Decided<O> = Told & ({ readonly outcome: O } | { readonly refusal: DomainError });

/** What is known of the caller of a command. On public routes there may be no actor. */
export type CommandContext = OpenRequestContext & Partial<Pick<RequestContext, 'actor' | 'outlivesCredential'>>;

/**
 * The one way to carry out a command, which is a request that changes something: one transaction holds the change, its
 * rows of the audit log, its jobs and the answer for a repeated request. All of it is committed, or nothing.
 */
@Injectable()
export class Commands {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly audit: Audit,
    private readonly jobs: JobQueue,
    private readonly idempotency: IdempotencyService,
    private readonly standing: Standing,
  ) {}

  /**
   * Runs `work` in a transaction and gives its outcome, which the route's presenter turns into the answer (`@Command`).
   * `work` may run again after a conflict with another transaction, so it touches only the database.
   * Throws what `work` throws, and `StandingLost` when the caller has lost the right meanwhile; then nothing has changed.
   */
  async run<O>(
    context: CommandContext,
    work: (tx: Tx, attempt: number) => Promise<Decided<O>>,
    options: TransactionOptions = {},
  ): Promise<O> {
    const ending = (tx: Tx, decided: Decided<O>): Statement[] => this.ending(tx, context, decided);
    const decided = await inTransaction<Decided<O>>(this.dataSource, work, { ...options, ending });
    if ('refusal' in decided) throw decided.refusal;
    return decided.outcome;
  }

  /**
   * What a command writes besides its change. Jobs are queued near the end: queuing locks their rows until the transaction ends, and a
   * worker that finishes one waits meanwhile.
   */
  private ending<O>(tx: Tx, context: CommandContext, decided: Decided<O>): Statement[] {
    const { audit, actor = context.actor ?? null, jobs = [], manyJobs } = decided;
    const { outlivesCredential = false, idempotency } = context;
    const entries = audit === UNCHANGED ? [] : [audit].flat();
    return [
      ...(audit !== UNCHANGED && context.actor ? [this.standing.requiring(tx, context.actor, { outlivesCredential })] : []),
      ...(entries.length > 0 ? [this.audit.recording({ ...context, actor }, entries)] : []),
      ...this.jobs.enqueuing(tx, jobs),
      ...(manyJobs ? this.jobs.enqueuingMany(tx, manyJobs) : []),
      ...('outcome' in decided && idempotency ? [this.idempotency.storing(idempotency, decided.outcome)] : []),
    ];
  }
}
