import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { PlainValue, Statement } from '../database/statement';

/**
 * Longer than any request takes to decide. After that its process is taken for dead. A process that is only slow can
 * decide nothing any more, because its answer is stored under its claim in the same transaction.
 */
const LEASE_SECONDS = 20;
const KEEP_HOURS = 24;

export interface StoredKey {
  readonly requestHash: string;
  readonly answerStatus: number | null;
  readonly answerSealed: Buffer | null;
}

export interface SealedAnswer {
  readonly status: number;
  readonly sealed: Buffer;
}

interface Owner {
  readonly scope: string;
  readonly keyHash: string;
  readonly claim: string;
}

/** All SQL on idempotency_keys. */
@Injectable()
export class IdempotencyRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /**
   * Takes the key in one statement: a new key, an expired one, or one of the same request whose lease has run out.
   * False when the key has an answer or is held by another request.
   * $1 scope, $2 hash of the key, $3 hash of the request, $4 claim
   */
  async take(owner: Owner, requestHash: string): Promise<boolean> {
    const rows = await this.dataSource.query<unknown[]>(
      `INSERT INTO idempotency_keys AS k (scope, key, request_hash, claim, lease_until)
       VALUES ($1, $2, $3, $4, now() + make_interval(secs => ${String(LEASE_SECONDS)}))
       ON CONFLICT (scope, key) DO UPDATE
         SET request_hash = excluded.request_hash, claim = excluded.claim, lease_until = excluded.lease_until,
             answer_status = NULL, answer_sealed = NULL, created_at = now()
       WHERE k.created_at < now() - make_interval(hours => ${String(KEEP_HOURS)})
          OR (k.answer_status IS NULL AND k.lease_until < now() AND k.request_hash = excluded.request_hash)
       RETURNING 1`,
      [owner.scope, owner.keyHash, requestHash, owner.claim],
    );
    return rows.length > 0;
  }

  async find(scope: string, keyHash: string): Promise<StoredKey | undefined> {
    const rows = await this.dataSource.query<StoredKey[]>(
      `SELECT request_hash AS "requestHash", answer_status AS "answerStatus", answer_sealed AS "answerSealed"
         FROM idempotency_keys WHERE scope = $1 AND key = $2`,
      [scope, keyHash],
    );
    return rows[0];
  }

  /** Does nothing when the claim was taken over meanwhile. */
  async store(owner: Owner, answer: SealedAnswer): Promise<void> {
    await this.dataSource.query(STORE, valuesOf(owner, answer));
  }

  /** Keeps the answer in the transaction that decides the request, which is refused when the claim was taken over meanwhile. */
  storing(owner: Owner, answer: SealedAnswer): Pick<Statement, 'text' | 'values'> {
    return { text: STORE_OR_REFUSE, values: valuesOf(owner, answer) };
  }

  /** Frees the key, unless an answer was committed under it. */
  async release(owner: Owner): Promise<void> {
    await this.dataSource.query(
      `DELETE FROM idempotency_keys
        WHERE scope = $1 AND key = $2 AND claim = $3 AND answer_status IS NULL`,
      [owner.scope, owner.keyHash, owner.claim],
    );
  }

  /** Deletes up to `limit` expired keys, oldest first, and returns how many. */
  async purge(limit: number): Promise<number> {
    const [, count] = await this.dataSource.query<[unknown[], number]>(
      `DELETE FROM idempotency_keys WHERE (scope, key) IN (
         SELECT scope, key FROM idempotency_keys
          WHERE created_at < now() - make_interval(hours => ${String(KEEP_HOURS)})
          ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED)`,
      [limit],
    );
    return count;
  }
}

const valuesOf = ({ scope, keyHash, claim }: Owner, { status, sealed }: SealedAnswer): PlainValue[] => [
  ...[scope, keyHash, claim],
  ...[status, sealed],
];

/** $1 scope, $2 hash of the key, $3 claim, $4 status, $5 what is sealed. */
const STORE = `
  UPDATE idempotency_keys SET answer_status = $4, answer_sealed = $5 WHERE scope = $1 AND key = $2 AND claim = $3`;

/** $1 to $5 as in STORE. */
const STORE_OR_REFUSE = `
  WITH kept AS (${STORE} RETURNING true)
  SELECT refuse_transaction('taken over') WHERE NOT EXISTS (SELECT FROM kept)`;
