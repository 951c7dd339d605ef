import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { inTransaction, type Tx } from '../database/transaction';
import { CANONICAL, GENESIS, linkHash } from './chain-link';

/** How many rows one transaction seals. */
export const SEAL_BATCH = 1_000;
/** Lets one process seal at a time, even when a slow one has lost its job to another. */
const SEAL_LOCK = 727_004;

/** The newest link of the chain. */
export interface ChainHead {
  readonly position: string;
  readonly hash: Buffer;
  /** The day on which it was sealed, UTC, such as `2026-01-31`. */
  readonly day: string;
}

export interface Sealed {
  readonly count: number;
  /** Null while nothing has ever been sealed. */
  readonly head: ChainHead | null;
}

/**
 * Gives committed audit rows their place in the chain. Until then rows wait in `audit_pending`, so that positions have
 * no gaps and no request waits for the chain. A row whose transaction commits late is sealed later.
 */
@Injectable()
export class AuditSeal {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Seals up to SEAL_BATCH waiting rows in a constant number of statements. */
  sealBatch(): Promise<Sealed> {
    return inTransaction(this.dataSource, async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock($1)`, [SEAL_LOCK]);
      const [last] = await tx.query<ChainHead[]>(HEAD);
      const rows = await tx.query<{ id: string; canonical: string }[]>(WAITING, [SEAL_BATCH]);
      if (rows.length === 0) return { count: 0, head: last ?? null };
      return { count: rows.length, head: await this.append(tx, rows, last) };
    });
  }

  private async append(tx: Tx, rows: readonly { id: string; canonical: string }[], last: ChainHead | undefined): Promise<ChainHead> {
    let hash: Buffer = last?.hash ?? GENESIS;
    const hashes = rows.map(({ canonical }) => (hash = linkHash(hash, canonical)));
    const ids = rows.map(({ id }) => id);
    const [head] = await tx.query<ChainHead[]>(APPEND, [last?.position ?? '0', ids, hashes.map((each) => each.toString('hex'))]);
    if (!head) throw new Error('The chain was not appended to');
    return head;
  }
}

const DAY = `to_char(sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')`;

const HEAD = `SELECT position, hash, ${DAY} AS day FROM audit_chain ORDER BY position DESC LIMIT 1`;

/** $1 how many rows at most. */
const WAITING = `
  SELECT a.id, ${CANONICAL} AS canonical
    FROM audit_log AS a WHERE a.id IN (SELECT audit_id FROM audit_pending ORDER BY audit_id LIMIT $1) ORDER BY a.id`;

/** $1 the last position, $2 ids of audit rows, $3 their hashes in hexadecimal. */
const APPEND = `
  WITH sealed AS (
    INSERT INTO audit_chain (position, audit_id, hash)
    SELECT $1::bigint + place, audit_id, decode(hash, 'hex')
      FROM unnest($2::bigint[], $3::text[]) WITH ORDINALITY AS link(audit_id, hash, place)
    RETURNING position, hash, sealed_at),
  taken AS (DELETE FROM audit_pending WHERE audit_id = ANY($2::bigint[]))
  SELECT position, hash, ${DAY} AS day FROM sealed ORDER BY position DESC LIMIT 1`;
