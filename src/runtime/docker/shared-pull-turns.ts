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
/** Another process decides about the same node, which takes some milliseconds. */
const ASK_AGAIN_MS = 50;
/** The place of a process that has died is free after so many seconds. Places are renewed three times within them. */
const LEASE_SECONDS = 15;
const LANE = 'image.pull';

interface Held extends PullPlace {
  begun: boolean;
}

/**
 * The turns of all processes that ask the same engines, kept in the database: the limits hold for an engine, however many workers there
 * are. Each process lets its own owners take turns first, so that only what may pull next waits here, at most the whole limit of one
 * process. While the database is away nothing new begins, and what is under way goes on.
 */
export class SharedPullTurns implements PullTurns {
  private readonly logger = new Logger(SharedPullTurns.name);
  private readonly own: OwnPullTurns;
  private readonly held = new Map<string, Held>();
  private beats: NodeJS.Timeout | undefined;
  private renewing = Promise.resolve();

  constructor(
    private readonly dataSource: DataSource,
    private readonly limits: TurnLimits,
  ) {
    this.own = new OwnPullTurns(limits);
  }

  run<T>(place: PullPlace, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.own.run(place, signal, async () => {
      const id = randomUUID();
      const held = this.hold(id, place);
      try {
        for (let waitMs = await this.waitMs(id, place); waitMs > 0; waitMs = await this.waitMs(id, place))
          await sleep(waitMs, undefined, { signal });
        held.begun = true;
        signal.throwIfAborted();
        return await work();
      } finally {
        await this.letGo(id);
      }
    });
  }

  /** After how long to ask again; 0: it is its turn. Asks for the turn, the first time. */
  private async waitMs(id: string, { nodeId, ownerId }: PullPlace): Promise<number> {
    const { total, perOwner } = this.limits;
    try {
      return await inTransaction(this.dataSource, async (tx) => {
        const [lock] = await tx.query<{ mine: boolean }[]>(LOCK, [nodeId]);
        if (lock?.mine !== true) return ASK_AGAIN_MS;
        const [, [, begun]] = await together([
          tx.query(ASK, [id, nodeId, ownerId, LEASE_SECONDS]),
          tx.query<[unknown[], number]>(BEGIN, [id, nodeId, total, perOwner, LEASE_SECONDS]),
        ]);
        return begun > 0 ? 0 : LOOK_AGAIN_MS;
      });
    } catch (error) {
      if (!isDatabaseUnavailable(error)) throw error;
      this.logger.debug(`It cannot be told whose turn it is to pull, asking again: ${String(error)}`);
      return LOOK_AGAIN_MS;
    }
  }

  private hold(id: string, place: PullPlace): Held {
    const held = { ...place, begun: false };
    this.held.set(id, held);
    this.beats ??= setInterval(() => void (this.renewing = inLane(LANE, () => this.renew())), (LEASE_SECONDS * 1_000) / 3).unref();
    return held;
  }

  private async letGo(id: string): Promise<void> {
    this.held.delete(id);
    if (this.held.size === 0) {
      clearInterval(this.beats);
      this.beats = undefined;
    }
    await this.renewing; // which may still bring this one back
    await this.dataSource.query(`DELETE FROM image_pulls WHERE id = $1`, [id]).catch((error: unknown) => {
      this.logger.debug(`The place of a pull is free in ${String(LEASE_SECONDS)} seconds: ${String(error)}`);
    });
  }

  private async renew(): Promise<void> {
    const [ids, all] = [[...this.held.keys()], [...this.held.values()]];
    const columns = [all.map(({ nodeId }) => nodeId), all.map(({ ownerId }) => ownerId), all.map(({ begun }) => begun)];
    try {
      await this.dataSource.query(RENEW, [ids, ...columns, LEASE_SECONDS]);
    } catch (error) {
      this.logger.debug(`The places of pulls were not renewed: ${String(error)}`);
    }
  }
}

/**
 * When the clock of the database is set back, a lease seems to last longer than a lease can: nobody holds that, but for a step that is
 * shorter than a lease. $n seconds of a lease.
 */
const isHeld = (seconds: string): string =>
  `lease_until > statement_timestamp() AND lease_until <= statement_timestamp() + make_interval(secs => 2 * ${seconds})`;

/** One decides at a time for a node, and nobody waits with a connection. $1 node. */
const LOCK = `SELECT pg_try_advisory_xact_lock(hashtextextended('fog-compute pulls ' || $1, 0)) AS mine`;

/** What dead processes have left goes, too. $1 id, $2 node, $3 owner, $4 seconds of a lease. */
const ASK = `
  WITH dead AS (
    DELETE FROM image_pulls WHERE id IN (
      SELECT id FROM image_pulls WHERE id <> $1 AND NOT (${isHeld('$4')}) FOR UPDATE SKIP LOCKED))
  INSERT INTO image_pulls (id, node_id, owner_id, lease_until)
  VALUES ($1, $2, $3, statement_timestamp() + make_interval(secs => $4))
      ON CONFLICT (id) DO NOTHING`;

/**
 * Begins this pull if there is a place for it, once those before it have theirs: first who has the fewest, then who has waited longest.
 * $1 id, $2 node, $3 places, $4 places of an owner, $5 seconds of a lease.
 */
const BEGIN = `
  WITH held AS MATERIALIZED (SELECT * FROM image_pulls WHERE node_id = $2 AND ${isHeld('$5')}),
  under_way AS (SELECT owner_id, count(*) AS pulls FROM held WHERE begun GROUP BY 1),
  waiting AS (
    SELECT h.id, h.asked_at,
           coalesce(u.pulls, 0) + row_number() OVER (PARTITION BY h.owner_id ORDER BY h.asked_at, h.id) AS of_owner
      FROM held AS h LEFT JOIN under_way AS u ON u.owner_id = h.owner_id
     WHERE NOT h.begun),
  next AS (
    SELECT id, row_number() OVER (ORDER BY of_owner, asked_at, id) AS place FROM waiting WHERE of_owner <= $4)
  UPDATE image_pulls SET begun = true
   WHERE id = $1
     AND (begun OR id IN (SELECT id FROM next WHERE place + (SELECT coalesce(sum(pulls), 0) FROM under_way) <= $3))`;

/**
 * Brings back what another process has taken for dead. $1 ids, $2 their nodes, $3 their owners, $4 whether they have begun, $5 seconds of
 * a lease.
 */
const RENEW = `
  INSERT INTO image_pulls (id, node_id, owner_id, begun, lease_until)
  SELECT pull.id, pull.node_id, pull.owner_id, pull.begun, statement_timestamp() + make_interval(secs => $5)
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[]) AS pull(id, node_id, owner_id, begun)
      ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until`;
