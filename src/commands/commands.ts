import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit, type AuditEntry, type AuditOrigin } from '../audit/audit';
import type { DomainError } from '../common/problem/domain-error';
import type { OpenRequestContext, RequestContext } from '../common/request-context';
import { together } from '../database/together';
import { inTransaction, type TransactionOptions, type Tx } from '../database/transaction';
import type { JobWish, JobWishes } from '../jobs/job-kinds';
import { JobQueue } from '../jobs/job-queue';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { Standing } from './standing';

/** Says in place of audit rows that a command has changed nothing, so there is nothing to record. */
export const UNCHANGED = Symbol('unchanged');

/** In place of a statement that a command does not need. */
const NOTHING = Promise.resolve();

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
    const decided = await inTransaction(this.dataSource, (tx, attempt) => this.decide(tx, context, () => work(tx, attempt)), options);
    if ('refusal' in decided) throw decided.refusal;
    return decided.outcome;
  }

  private async decide<O>(tx: Tx, context: CommandContext, work: () => Promise<Decided<O>>): Promise<Decided<O>> {
    const decided = await work();
    const { audit, actor = context.actor ?? null, jobs = [], manyJobs } = decided;
    const { outlivesCredential = false } = context;
    const isChange = audit !== UNCHANGED;
    // Jobs are queued last: queuing locks their rows until the transaction ends, and a worker that finishes one waits
    // meanwhile.
    await together([
      isChange && context.actor ? this.standing.require(tx, context.actor, { outlivesCredential }) : NOTHING,
      isChange ? this.audit.recordAll(tx, { ...context, actor }, [audit].flat()) : NOTHING,
      this.jobs.enqueue(tx, jobs),
      manyJobs ? this.jobs.enqueueMany(tx, manyJobs) : NOTHING,
      'outcome' in decided ? this.idempotency.storeOutcome(tx, context.idempotency, decided.outcome) : NOTHING,
    ]);
    return decided;
  }
}
