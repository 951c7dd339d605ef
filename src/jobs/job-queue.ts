import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { afterCommit, type Tx } from '../database/transaction';
import { backoffMs } from './backoff';
import type { ClaimedJob, JobKind, JobResult, JobWish } from './job-kinds';
import { PubSub } from '../database/pub-sub';

/** The topic that tells waiting workers that a job may be due. A hint: they also look by themselves. */
export const JOBS_TOPIC = 'fog_jobs';

/** The job of a dead worker can be claimed again after so many seconds. Workers renew the lease three times within it. */
export const LEASE_SECONDS = 15;

/**
 * The queue of jobs: one row per kind and key, so nothing is queued twice and two workers never work on the same key. A wish
 * that comes while the job is being worked on is counted in `wishes` and makes the job run once more.
 */
@Injectable()
export class JobQueue {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly pubSub: PubSub,
  ) {}

  /** The wishes commit with the caller's transaction, so a change and its wish are both there or neither is. */
  async enqueue(tx: Tx, wishes: readonly JobWish[]): Promise<void> {
    if (wishes.length === 0) return;
    await tx.query(ENQUEUE, [JSON.stringify(wishes)]);
    afterCommit(tx, () => this.wake(wishes));
  }

  /** For wishes that follow from an observation, not from a change in a transaction. */
  async enqueueNow(wishes: readonly JobWish[]): Promise<void> {
    if (wishes.length === 0) return;
    await this.dataSource.query(ENQUEUE, [JSON.stringify(wishes)]);
    this.wake(wishes);
  }

  async claim(kind: JobKind, limit: number, workerId: string): Promise<ClaimedJob[]> {
    const [jobs] = await this.dataSource.query<[ClaimedJob[], number]>(
      `UPDATE jobs
          SET claim = gen_random_uuid(), claimed_by = $3, lease_until = now() + make_interval(secs => $4)
        WHERE id IN (SELECT id FROM jobs
                      WHERE kind = $1 AND due_at <= now() AND (lease_until IS NULL OR lease_until < now())
                      ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING id, kind, key, attempts, wishes, claim`,
      [kind, limit, workerId, LEASE_SECONDS],
    );
    return jobs;
  }

  /** Extends the leases and returns the claims that are still valid; work on the other jobs must end. */
  async renew(jobs: readonly ClaimedJob[]): Promise<string[]> {
    const [rows] = await this.dataSource.query<[{ claim: string }[], number]>(
      `UPDATE jobs SET lease_until = now() + make_interval(secs => $3) WHERE ${lockedInOrder(OURS)} RETURNING claim`,
      [...idsAndClaims(jobs), LEASE_SECONDS],
    );
    return rows.map((row) => row.claim);
  }

  private wake(wishes: readonly JobWish[]): void {
    for (const kind of new Set(wishes.map((wish) => wish.kind))) this.pubSub.publish(JOBS_TOPIC, kind);
  }

  /** Records the result. A wish that came meanwhile makes the job due at once. Does nothing when the claim was lost. */
  async finish(job: ClaimedJob, result: JobResult): Promise<void> {
    switch (result.kind) {
      case 'done':
        await this.dataSource.query(FINISH_DONE, [job.id, job.claim, job.wishes]);
        return;
      case 'again':
        await this.dataSource.query(FINISH_AGAIN, [job.id, job.claim, job.wishes, result.afterMs]);
        return;
      case 'failed':
        await this.dataSource.query(FINISH_FAILED, [
          job.id,
          job.claim,
          job.wishes,
          result.afterMs ?? backoffMs(job.attempts, Math.random()),
          result.words.slice(0, 500),
        ]);
    }
  }

  /**
   * Frees jobs that a claim of this worker took without its answer arriving; `known` are the jobs that the worker knows it has.
   */
  async releaseStrays(kind: JobKind, workerId: string, known: readonly ClaimedJob[]): Promise<void> {
    const strays = `kind = $1 AND claimed_by = $2 AND claim <> ALL($3::uuid[])`;
    await this.dataSource.query(`UPDATE jobs SET ${RELEASED} WHERE ${lockedInOrder(strays)}`, [
      kind,
      workerId,
      known.map(({ claim }) => claim),
    ]);
  }

  /** Gives jobs back unchanged, so that other workers can claim them at once. */
  async handBack(jobs: readonly ClaimedJob[]): Promise<void> {
    await this.dataSource.query(`UPDATE jobs SET ${RELEASED}, due_at = now() WHERE ${lockedInOrder(OURS)}`, idsAndClaims(jobs));
  }
}

/** Locks several jobs in the same order as ENQUEUE does; any other order leads to deadlocks. */
const lockedInOrder = (which: string): string => `id IN (SELECT id FROM jobs WHERE ${which} ORDER BY kind, key FOR UPDATE)`;

const OURS = `id = ANY($1::bigint[]) AND claim = ANY($2::uuid[])`;
const idsAndClaims = (jobs: readonly ClaimedJob[]): [string[], string[]] => [jobs.map(({ id }) => id), jobs.map(({ claim }) => claim)];

const RELEASED = `claim = NULL, claimed_by = NULL, lease_until = NULL`;

/** $1 wishes. */
const ENQUEUE = `
  INSERT INTO jobs (kind, key, due_at)
  SELECT kind, key, now() + make_interval(secs => coalesce("afterMs", 0) / 1000.0)
    FROM jsonb_to_recordset($1::jsonb) AS wish(kind text, key text, "afterMs" double precision)
   ORDER BY kind, key
      ON CONFLICT (kind, key) DO UPDATE
     SET wishes = jobs.wishes + 1, due_at = least(jobs.due_at, excluded.due_at)`;

/** $1 job, $2 claim, $3 wishes when it was claimed. */
const FINISH_DONE = `
  WITH removed AS (DELETE FROM jobs WHERE id = $1 AND claim = $2 AND wishes = $3 RETURNING id)
  UPDATE jobs SET ${RELEASED}, due_at = now(), attempts = 0, last_error = NULL, failing_since = NULL
   WHERE id = $1 AND claim = $2 AND NOT EXISTS (SELECT 1 FROM removed)`;

/** $1 to $3 as in FINISH_DONE, $4 milliseconds until the job is due. */
const FINISH_AGAIN = `
  UPDATE jobs
     SET ${RELEASED}, attempts = 0, last_error = NULL, failing_since = NULL,
         due_at = CASE WHEN wishes = $3 THEN now() + make_interval(secs => $4::float8 / 1000) ELSE now() END
   WHERE id = $1 AND claim = $2`;

/** $1 to $4 as in FINISH_AGAIN, $5 why it failed. */
const FINISH_FAILED = `
  UPDATE jobs
     SET ${RELEASED}, attempts = attempts + 1, last_error = $5, failing_since = coalesce(failing_since, now()),
         due_at = CASE WHEN wishes = $3 THEN now() + make_interval(secs => $4::float8 / 1000) ELSE now() END
   WHERE id = $1 AND claim = $2`;
