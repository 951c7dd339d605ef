import type { EntityManager } from 'typeorm';

/** Arbitrary numbers that all processes of this program share: the first half of the names of their locks. */
const READS = 727_010;
const SEALS = 727_011;

/** A connection that keeps its locks until it ends. */
interface Session {
  query(statement: string, values: unknown[]): Promise<unknown>;
}

/** The names of locks are signed, and the ids of keys are not. */
const NAME = `($2::bigint - CASE WHEN $2::bigint >= 2147483648 THEN 4294967296 ELSE 0 END)::int`;

/** As long as the session lasts others see that this process reads what these keys have encrypted. */
export async function announceReading(session: Session, keyIds: readonly number[]): Promise<void> {
  for (const id of keyIds) await session.query(`SELECT pg_advisory_lock_shared($1, ${NAME})`, [READS, id]);
}

/** As long as the session lasts, or until `endSealing`, others see that this process encrypts with this key. */
export async function announceSealing(session: Session, keyId: number): Promise<void> {
  await session.query(`SELECT pg_advisory_lock_shared($1, ${NAME})`, [SEALS, keyId]);
}

export async function endSealing(session: Session, keyId: number): Promise<void> {
  await session.query(`SELECT pg_advisory_unlock_shared($1, ${NAME})`, [SEALS, keyId]);
}

/** What the processes that are connected have announced, about one key. */
export interface AnnouncedKeys {
  readonly processes: number;
  /** How many of them cannot read what the key encrypts. */
  readonly cannotRead: number;
  /** How many of them encrypt with another one. */
  readonly sealOtherwise: number;
}

export async function announcedKeys(manager: EntityManager, keyId: number): Promise<AnnouncedKeys> {
  const [row] = await manager.query<[AnnouncedKeys]>(ANNOUNCED, [READS, SEALS, keyId]);
  return row;
}

/** $1 and $2 the first halves of the names of locks, $3 the key. */
const ANNOUNCED = `
  WITH told AS (
    SELECT pid, bool_or(classid::bigint = $1 AND objid::bigint = $3) AS reads,
           bool_or(classid::bigint = $2 AND objid::bigint <> $3) AS seals_otherwise
      FROM pg_locks
     WHERE locktype = 'advisory' AND objsubid = 2 AND classid::bigint IN ($1, $2)
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
     GROUP BY pid)
  SELECT count(*)::int AS processes, count(*) FILTER (WHERE NOT reads)::int AS "cannotRead",
         count(*) FILTER (WHERE seals_otherwise)::int AS "sealOtherwise"
    FROM told`;

/** How many transactions of this program are open that began earlier than so many milliseconds ago. */
export async function olderTransactions(manager: EntityManager, ms: number): Promise<number> {
  const [row] = await manager.query<[{ count: number }]>(OLDER, [ms]);
  return row.count;
}

/** $1 milliseconds. */
const OLDER = `
  SELECT count(*)::int AS count FROM pg_stat_activity
   WHERE datname = current_database()
     AND (application_name LIKE 'fog-compute%' OR application_name = current_setting('application_name'))
     AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - $1 * interval '1 millisecond'`;
