import type { DataSource, EntityManager } from 'typeorm';
import type { PurgedThrough } from './audit-retention';
import { anchorText, CANONICAL, GENESIS, linkHash } from './chain-link';

/** Rows in memory at a time, however long the log is. */
const BATCH = 1_000;
const STATEMENT_TIMEOUT_MS = 120_000;
/** Below every position and id. The program counts from 1, but rows that were inserted by other means may be lower. */
const BEFORE_ALL = '-9223372036854775808';

/** The first row that is not as it was written. */
interface ChainFault {
  /** Null for a row that has no place in the chain. */
  readonly position: string | null;
  readonly auditId: string | null;
  readonly words: string;
}

export interface ChainReport {
  readonly fault: ChainFault | null;
  /** Links that were checked. */
  readonly sealed: number;
  /** Rows that wait to be sealed. No hash protects them yet. */
  readonly waiting: number;
  /** `position:hash` of the newest link, to be kept outside; null for an empty chain. */
  readonly anchor: string | null;
}

interface Link {
  readonly position: string;
  readonly auditId: string;
  readonly hash: Buffer;
  /** Null when the row is gone. */
  readonly canonical: string | null;
}

/**
 * Checks every row against the chain, in one snapshot, also while the program runs. `anchor` is a `position:hash` that
 * was kept outside of the database. Only an anchor shows that the end of the chain was cut off or that the whole chain
 * was computed anew. Throws for an anchor that is older than the log, because it proves nothing.
 */
export async function verifyChain(dataSource: DataSource, anchor?: string): Promise<ChainReport> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction('REPEATABLE READ');
    await runner.query(`SET TRANSACTION READ ONLY`);
    await runner.query(`SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
    const walk = await walkChain(runner.manager, anchor);
    const rest = walk.fault ? { waiting: 0, fault: walk.fault } : await checkRows(runner.manager);
    await runner.commitTransaction();
    return { ...walk, ...rest };
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}

async function walkChain(database: EntityManager, anchor: string | undefined): Promise<Omit<ChainReport, 'waiting'>> {
  const [anchored = '', anchorHash = ''] = anchor?.split(':') ?? [];
  let last: { position: string; hash: Buffer } = { position: '0', hash: GENESIS };
  let sealed = 0;
  let isAnchored = anchor === undefined;
  const report = (fault: ChainFault | null): Omit<ChainReport, 'waiting'> => ({
    fault,
    sealed,
    anchor: last.position === '0' ? null : anchorText(last),
  });
  for (;;) {
    const links = await database.query<Link[]>(LINKS, [last.position, BATCH]);
    for (const link of links) {
      const isFirst = last.position === '0';
      const fault = isFirst && link.canonical === null ? await purgeFault(database, link) : linkFault(last, link);
      if (fault !== null) return report({ position: link.position, auditId: link.auditId, words: fault });
      if (link.position === anchored) {
        isAnchored = link.hash.toString('hex') === anchorHash;
        const words = 'the chain has another hash here than the anchor';
        if (!isAnchored) return report({ position: link.position, auditId: link.auditId, words });
      }
      last = link;
      sealed += 1;
    }
    if (links.length < BATCH) break;
  }
  if (anchor !== undefined && BigInt(anchored) > BigInt(last.position)) {
    return report({ position: anchored, auditId: null, words: 'the chain ends before the anchor: rows were removed from its end' });
  }
  if (!isAnchored) throw new Error('the anchor is older than the log; give a newer one');
  return report(null);
}

function linkFault(last: { position: string; hash: Buffer }, link: Link): string | null {
  const expected = BigInt(last.position) + 1n;
  if (BigInt(link.position) !== expected) return `the link before it is missing: position ${expected} was expected`;
  if (link.canonical === null) return 'the row was removed';
  return linkHash(last.hash, link.canonical).equals(link.hash) ? null : 'the row or its link was changed after it was sealed';
}

/** Why the chain may not begin with a link whose row is gone; null when the retention has recorded that it removed that row. */
async function purgeFault(database: EntityManager, link: Link): Promise<string | null> {
  const [purged] = await database.query<{ after: Partial<PurgedThrough> | null }[]>(NEWEST_PURGE);
  const { through_position: position, through_hash: hash } = purged?.after ?? {};
  if (position === link.position && hash === link.hash.toString('hex')) return null;
  return 'the rows up to it were removed, and not by the retention';
}

/** Checks the rows that are not in the chain. A row that neither waits to be sealed was not written by the program. */
async function checkRows(database: EntityManager): Promise<Pick<ChainReport, 'fault' | 'waiting'>> {
  let waiting = 0;
  for (let after = BEFORE_ALL; ;) {
    const [part] = await database.query<{ last: string | null; waiting: number; stray: string | null }[]>(ROWS, [after, BATCH * 10]);
    if (!part || part.last === null) break;
    if (part.stray !== null) {
      const words = 'the row was inserted past the program: it is neither sealed nor does it wait to be';
      return { waiting, fault: { position: null, auditId: part.stray, words } };
    }
    waiting += part.waiting;
    after = part.last;
  }
  const [lost] = await database.query<{ id: string }[]>(LOST);
  const words = 'the row was removed before it was sealed';
  return { waiting, fault: lost ? { position: null, auditId: lost.id, words } : null };
}

/** $1 the last position that was checked, $2 how many links to read. */
const LINKS = `
  SELECT c.position, c.audit_id AS "auditId", c.hash, CASE WHEN a.id IS NOT NULL THEN ${CANONICAL} END AS canonical
    FROM audit_chain AS c LEFT JOIN audit_log AS a ON a.id = c.audit_id
   WHERE c.position > $1 ORDER BY c.position LIMIT $2`;

const NEWEST_PURGE = `
  SELECT after FROM audit_log WHERE actor_id IS NULL AND via = 'system' AND action = 'audit.purge' ORDER BY id DESC LIMIT 1`;

/** $1 the last row that was looked at, $2 how many rows to look at. */
const ROWS = `
  SELECT max(r.id) AS last, count(p.audit_id)::int AS waiting,
         min(r.id) FILTER (WHERE c.audit_id IS NULL AND p.audit_id IS NULL) AS stray
    FROM (SELECT id FROM audit_log WHERE id > $1 ORDER BY id LIMIT $2) AS r
    LEFT JOIN audit_chain AS c ON c.audit_id = r.id AND c.position > 0
    LEFT JOIN audit_pending AS p ON p.audit_id = r.id`;

const LOST = `
  SELECT p.audit_id AS id FROM audit_pending AS p
   WHERE NOT EXISTS (SELECT 1 FROM audit_log WHERE id = p.audit_id)
   ORDER BY 1 LIMIT 1`;
