import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { TurnLimits } from '../../common/fair-turns';
import { inLane } from '../../database/connection-lanes';
import { isDatabaseUnavailable } from '../../database/postgres-error';
import { together } from '../../database/together';
import { inTransaction } from '../../database/transaction';
import { OwnPullTurns, type PullPlace, type PullTurns } from './pull-turns';

const LOOK_AGAIN_MS = 1_000;
/** The place of a process that has died is free after so many seconds. Places are renewed three times within them. */
const LEASE_SECONDS = 15;
const LANE = 'image.pull';

/**
 * The turns of all processes that ask the same engines, kept in the database: the limits hold for an engine, however many workers there
 * are. Each process lets its own owners take turns first, so that only what may pull next waits here, at most the whole limit of one
 * process. While the database is away nothing new begins, and what is under way goes on.
 */
export class SharedPullTurns implements PullTurns {
  private readonly logger = new Logger(SharedPullTurns.name);
  private readonly own: OwnPullTurns;
  private readonly held = new Set<string>();
  private beats: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly limits: TurnLimits,
  ) {
    this.own = new OwnPullTurns(limits);
  }

  run<T>(place: PullPlace, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.own.run(place, signal, async () => {
      const id = randomUUID();
      this.hold(id);
      try {
        while (!(await this.mayBegin(id, place))) await sleep(LOOK_AGAIN_MS, undefined, { signal });
        signal.throwIfAborted();
        return await work();
      } finally {
        await this.letGo(id);
      }
    });
  }

  /** Also asks for the turn, the first time. */
  private async mayBegin(id: string, { nodeId, ownerId }: PullPlace): Promise<boolean> {
    try {
      const [, , begun] = await inTransaction(this.dataSource, (tx) =>
        together([
          tx.query(LOCK, [nodeId]),
          tx.query(ASK, [id, nodeId, ownerId, LEASE_SECONDS]),
          tx.query<[unknown[], number]>(BEGIN, [id, nodeId, this.limits.total, this.limits.perOwner, LEASE_SECONDS]),
        ]),
      );
      return begun[1] > 0;
    } catch (error) {
      if (!isDatabaseUnavailable(error)) throw error;
      this.logger.debug(`It cannot be told whose turn it is to pull, asking again: ${String(error)}`);
      return false;
    }
  }

  private hold(id: string): void {
    this.held.add(id);
    this.beats ??= setInterval(() => void inLane(LANE, () => this.renew()), (LEASE_SECONDS * 1_000) / 3).unref();
  }

  private async letGo(id: string): Promise<void> {
    this.held.delete(id);
    if (this.held.size === 0) {
      clearInterval(this.beats);
      this.beats = undefined;
    }
    await this.dataSource.query(`DELETE FROM image_pulls WHERE id = $1`, [id]).catch((error: unknown) => {
      this.logger.debug(`The place of a pull is free in ${String(LEASE_SECONDS)} seconds: ${String(error)}`);
    });
  }

  private async renew(): Promise<void> {
    try {
      await this.dataSource.query(RENEW, [[...this.held], LEASE_SECONDS]);
    } catch (error) {
      this.logger.debug(`The places of pulls were not renewed: ${String(error)}`);
    }
  }
}

/** When the clock of the database is set back, a lease seems to last longer than a lease can: nobody holds that. $n seconds of a lease. */
const isHeld = (seconds: string): string =>
  `lease_until > statement_timestamp() AND lease_until <= statement_timestamp() + make_interval(secs => ${seconds})`;

/** One decides at a time for a node. $1 node. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtextextended('fog-compute pulls ' || $1, 0))`;

/**
 * Owners take turns as those of jobs do: a pull comes after its owner's last one, and not before those that are under way. What dead
 * processes have left goes. $1 id, $2 node, $3 owner, $4 seconds of a lease.
 */
const ASK = `
  WITH held AS (SELECT owner_id, turn FROM image_pulls WHERE node_id = $2 AND ${isHeld('$4')}),
  dead AS (
    DELETE FROM image_pulls WHERE id IN (
      SELECT id FROM image_pulls WHERE id <> $1 AND NOT (${isHeld('$4')}) FOR UPDATE SKIP LOCKED))
  INSERT INTO image_pulls (id, node_id, owner_id, turn, lease_until)
  SELECT $1, $2, $3,
         greatest((SELECT min(turn) FROM held), (SELECT max(turn) + 1 FROM held WHERE owner_id = $3), 0),
         statement_timestamp() + make_interval(secs => $4)
      ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until`;

/**
 * Begins this pull if there is a place for it, once those before it have theirs. $1 id, $2 node, $3 places, $4 places of an owner,
 * $5 seconds of a lease.
 */
const BEGIN = `
  WITH held AS MATERIALIZED (SELECT * FROM image_pulls WHERE node_id = $2 AND ${isHeld('$5')}),
  under_way AS (SELECT owner_id, count(*) AS pulls FROM held WHERE begun GROUP BY 1),
  waiting AS (
    SELECT id, turn, asked_at, owner_id, row_number() OVER (PARTITION BY owner_id ORDER BY turn, asked_at, id) AS of_owner
      FROM held WHERE NOT begun),
  next AS (
    SELECT w.id, row_number() OVER (ORDER BY w.turn, w.asked_at, w.id) AS place
      FROM waiting AS w LEFT JOIN under_way AS u ON u.owner_id = w.owner_id
     WHERE w.of_owner + coalesce(u.pulls, 0) <= $4)
  UPDATE image_pulls SET begun = true
   WHERE id = $1
     AND (begun OR id IN (SELECT id FROM next WHERE place + (SELECT coalesce(sum(pulls), 0) FROM under_way) <= $3))`;

/** $1 ids, $2 seconds of a lease. */
const RENEW = `
  UPDATE image_pulls SET lease_until = statement_timestamp() + make_interval(secs => $2) WHERE id = ANY($1::uuid[])`;
