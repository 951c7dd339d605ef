import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { run, type Statement } from '../database/statement';
import { afterCommit, type Tx } from '../database/transaction';
import { StatementBatcher } from '../database/statement-batcher';
import { backoffMs } from './backoff';
import type { ClaimedJob, JobKind, JobResult, JobWish, JobWishes } from './job-kinds';
import { PubSub } from '../database/pub-sub';

/** The topic that tells waiting workers that a job may be due. A hint: they also look by themselves. */
export const JOBS_TOPIC = 'fog_jobs';

/** The job of a dead worker can be claimed again after so many seconds. Workers renew the lease three times within it. */
export const LEASE_SECONDS = 15;

const GIVE_TURNS_EVERY_MS = 100;
const TURNS_AT_ONCE = 1_000;
/** So many jobs that are done share a statement at most, and so many of these are under way for each kind. */
const [MOST_DONE_TOGETHER, DONE_AT_ONCE] = [32, 2];

/**
 * The queue of jobs: one row per kind and key, so nothing is queued twice and two workers never work on the same key. A wish
 * that comes while the job is being worked on is counted in `wishes` and makes the job run once more. Owners take turns: a
 * trigger gives a due job the turn after its owner's last one (`turn`), and claims go by that.
 */
@Injectable()
export class JobQueue {
  /** When jobs of a kind last got their turns. */
  private readonly turnsGivenAt = new Map<JobKind, number>();
  private readonly done = new Map<JobKind, StatementBatcher<ClaimedJob, true>>();

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly pubSub: PubSub,
  ) {}

  /** The wishes commit with the caller's transaction, so a change and its wish are both there or neither is. */
  async enqueue(tx: Tx, wishes: readonly JobWish[]): Promise<void> {
    for (const statement of this.enqueuing(tx, wishes)) await run(tx, statement);
  }

  /** The statement that does so, if any is needed; workers are told once the transaction has committed. */
  enqueuing(tx: Tx, wishes: readonly JobWish[]): readonly Statement[] {
    if (wishes.length === 0) return [];
    afterCommit(tx, () => this.wake(wishes));
    return [{ text: ENQUEUE, values: [JSON.stringify(wishes)] }];
  }

  /** The same for many new jobs of one owner, whose turns are found once for all of them. */
  enqueuingMany(tx: Tx, { kind, ownerId, keys }: JobWishes): readonly Statement[] {
    if (keys.length === 0) return [];
    afterCommit(tx, () => this.wake([{ kind }]));
    return [{ text: ENQUEUE_MANY, values: [kind, ownerId, keys] }];
  }

  /** For wishes that follow from an observation, not from a change in a transaction. */
  async enqueueNow(wishes: readonly JobWish[]): Promise<void> {
    if (wishes.length === 0) return;
    await this.dataSource.query(ENQUEUE, [JSON.stringify(wishes)]);
    this.wake(wishes);
  }

  /** Those of the kinds of which a job may be due. */
  async due(kinds: readonly JobKind[]): Promise<JobKind[]> {
    const rows = await this.dataSource.query<{ kind: JobKind }[]>(DUE, [kinds]);
    return rows.map(({ kind }) => kind);
  }

  /**
   * Claims up to `limit` due jobs, in the turns of their owners. What becomes due later gets its turn here, and so do the jobs
   * of dead workers.
   */
  async claim(kind: JobKind, limit: number, workerId: string): Promise<ClaimedJob[]> {
    const jobs = await this.claimTurns(kind, limit, workerId);
    const now = performance.now();
    if (jobs.length === limit && now - (this.turnsGivenAt.get(kind) ?? 0) < GIVE_TURNS_EVERY_MS) return jobs;
    this.turnsGivenAt.set(kind, now);
    if ((await this.giveTurns(kind)) === 0 || jobs.length === limit) return jobs;
    return [...jobs, ...(await this.claimTurns(kind, limit - jobs.length, workerId))];
  }

  private async claimTurns(kind: JobKind, limit: number, workerId: string): Promise<ClaimedJob[]> {
    const [jobs] = await this.dataSource.query<[ClaimedJob[], number]>(CLAIM, [kind, limit, workerId, LEASE_SECONDS]);
    return jobs;
  }

  private async giveTurns(kind: JobKind): Promise<number> {
    const [, count] = await this.dataSource.query<[unknown[], number]>(GIVE_TURNS, [kind, TURNS_AT_ONCE]);
    return count;
  }

  /**
   * Makes those jobs due that are due later than any of this kind may be, which happens when the clock of the database has been
   * set back, and ends the leases of dead workers in time. Returns how many.
   */
  async bringForward(kind: JobKind, longestMs: number): Promise<number> {
    await this.dataSource.query(SHORTEN_LEASES, [LEASE_SECONDS, kind]);
    const [, count] = await this.dataSource.query<[unknown[], number]>(BRING_FORWARD, [kind, longestMs, TURNS_AT_ONCE]);
    return count;
  }

  /**
   * For when the clock was set back: every job that waits is due now, and no lease lasts longer than a lease does. Returns how
   * many were due later.
   */
  async bringAllForward(): Promise<number> {
    await this.dataSource.query(SHORTEN_ALL_LEASES, [LEASE_SECONDS]);
    const [, count] = await this.dataSource.query<[unknown[], number]>(BRING_ALL_FORWARD);
    return count;
  }

  /** Extends the leases and returns the claims that are still valid; work on the other jobs must end. */
  async renew(jobs: readonly ClaimedJob[]): Promise<string[]> {
    const [rows] = await this.dataSource.query<[{ claim: string }[], number]>(
      `UPDATE jobs SET lease_until = now() + make_interval(secs => $3) WHERE ${lockedInOrder(OURS)} RETURNING claim`,
      [...idsAndClaims(jobs), LEASE_SECONDS],
    );
    return rows.map((row) => row.claim);
  }

  private wake(wishes: readonly Pick<JobWish, 'kind'>[]): void {
    for (const kind of new Set(wishes.map((wish) => wish.kind))) this.pubSub.publish(JOBS_TOPIC, kind);
  }

  /** Records the result. A wish that came meanwhile makes the job due at once. Does nothing when the claim was lost. */
  async finish(job: ClaimedJob, result: JobResult): Promise<void> {
    switch (result.kind) {
      case 'done':
        // A job that somebody wishes for at this moment is waited for alone.
        if (await this.doneOf(job.kind).get(job)) return;
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

  /** Jobs of other kinds have other connections. */
  private doneOf(kind: JobKind): StatementBatcher<ClaimedJob, true> {
    const known = this.done.get(kind);
    if (known) return known;
    const made = new StatementBatcher<ClaimedJob, true>((jobs) => this.removeDone(jobs), MOST_DONE_TOGETHER, DONE_AT_ONCE);
    this.done.set(kind, made);
    return made;
  }

  private async removeDone(jobs: readonly ClaimedJob[]): Promise<(true | null)[]> {
    const [rows] = await this.dataSource.query<[{ id: string }[], number]>(REMOVE_DONE, [
      ...idsAndClaims(jobs),
      jobs.map(({ wishes }) => wishes),
    ]);
    const removed = new Set(rows.map(({ id }) => id));
    return jobs.map(({ id }) => removed.has(id) || null);
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

/** What has no turn gets one once it is due and nobody works on it. */
const HAS_NO_TURN_YET = `turn IS NULL AND due_at <= now() AND (lease_until IS NULL OR lease_until < now())`;

/** $1 kinds. */
const DUE = `
  SELECT kind FROM unnest($1::text[]) AS asked(kind)
   WHERE EXISTS (SELECT 1 FROM jobs AS j WHERE j.kind = asked.kind AND j.turn IS NOT NULL)
      OR EXISTS (SELECT 1 FROM jobs AS j WHERE j.kind = asked.kind AND ${HAS_NO_TURN_YET})`;

/** $1 kind, $2 how many at most, $3 worker, $4 seconds of the lease. */
const CLAIM = `
  UPDATE jobs
     SET claim = gen_random_uuid(), claimed_by = $3, lease_until = now() + make_interval(secs => $4)
   WHERE id IN (SELECT id FROM jobs WHERE kind = $1 AND turn IS NOT NULL
                 ORDER BY turn, due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
  RETURNING id, kind, key, attempts, wishes, claim`;

/** The trigger gives the turn. $1 kind, $2 how many at most. */
const GIVE_TURNS = `
  UPDATE jobs SET ${RELEASED}
   WHERE id IN (SELECT id FROM jobs
                 WHERE kind = $1 AND ${HAS_NO_TURN_YET}
                 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)`;

/** $1 kind, $2 milliseconds that a job may wait at most, $3 how many jobs at most. */
const BRING_FORWARD = `
  UPDATE jobs SET due_at = now()
   WHERE id IN (SELECT id FROM jobs
                 WHERE kind = $1 AND turn IS NULL AND due_at > now() + make_interval(secs => $2::float8 / 1000)
                   AND lease_until IS NULL
                 ORDER BY due_at DESC LIMIT $3 FOR UPDATE SKIP LOCKED)`;

/** No lease lasts longer than a lease does. A claimed job was due when it was claimed. $1 seconds of a lease. */
const shortenLeases = (which: string): string => `
  UPDATE jobs SET lease_until = now() + make_interval(secs => $1), due_at = least(due_at, now())
   WHERE ${lockedInOrder(`${which} AND turn IS NULL AND lease_until > now() + make_interval(secs => $1)`)}`;

const SHORTEN_ALL_LEASES = shortenLeases('true');

/** $2 kind. */
const SHORTEN_LEASES = shortenLeases('kind = $2');

const BRING_ALL_FORWARD = `
  UPDATE jobs SET due_at = now() WHERE ${lockedInOrder(`due_at > now() AND lease_until IS NULL`)}`;

/** $1 wishes. */
const ENQUEUE = `
  INSERT INTO jobs (kind, key, due_at)
  SELECT kind, key, now() + make_interval(secs => coalesce("afterMs", 0) / 1000.0)
    FROM jsonb_to_recordset($1::jsonb) AS wish(kind text, key text, "afterMs" double precision)
   ORDER BY kind, key
      ON CONFLICT (kind, key) DO UPDATE
     SET wishes = jobs.wishes + 1, due_at = least(jobs.due_at, excluded.due_at)`;

/** $1 kind, $2 owner, $3 keys. The turns are those that the trigger would give to one after the other. */
const ENQUEUE_MANY = `
  WITH turns AS MATERIALIZED (
    SELECT greatest((SELECT j.turn FROM jobs AS j WHERE j.kind = $1 AND j.turn IS NOT NULL ORDER BY j.turn LIMIT 1),
                    (SELECT j.turn + 1 FROM jobs AS j WHERE j.kind = $1 AND j.owner = $2 AND j.turn IS NOT NULL
                      ORDER BY j.turn DESC LIMIT 1), 0) AS first)
  INSERT INTO jobs (kind, key, due_at, owner, turn)
  SELECT $1, wish.key, now(), $2::uuid, turns.first + wish.place - 1
    FROM turns, unnest($3::text[]) WITH ORDINALITY AS wish(key, place)
   ORDER BY wish.key
      ON CONFLICT (kind, key) DO UPDATE
     SET wishes = jobs.wishes + 1, due_at = least(jobs.due_at, excluded.due_at)`;

/** $1 jobs, $2 their claims, $3 their wishes when they were claimed. Waits for nobody. */
const REMOVE_DONE = `
  DELETE FROM jobs WHERE id IN (
    SELECT j.id FROM unnest($1::bigint[], $2::uuid[], $3::bigint[]) AS a(id, claim, wishes)
      JOIN jobs AS j ON j.id = a.id AND j.claim = a.claim AND j.wishes = a.wishes
       FOR UPDATE OF j SKIP LOCKED)
  RETURNING id`;

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
