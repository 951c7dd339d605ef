import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { createHmac, hkdfSync, type KeyObject } from 'node:crypto';
import { DataSource, type EntityManager } from 'typeorm';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import { addressKey } from '../rate-limits/address-key';
import { SIGNING_KEY } from './access-tokens';
import { lockSchedule } from './lockout';

/** From where somebody shows a password: an address, or an open session, of which it is known whose it is. */
type LoginPlace = { readonly address: string } | { readonly sessionId: string };

/** Who is said to log in, and from where. */
export interface LoginAttempt {
  /** In lower case. */
  readonly name: string;
  readonly from: LoginPlace;
}

export interface FailuresBefore {
  /** What the next failure counts against, for `record` and `forget`. */
  readonly counter: Buffer;
  readonly hasFailures: boolean;
  /** 0 when not locked. */
  readonly lockedForSeconds: number;
}

/**
 * Counts failed log-ins by name. A place from which somebody has shown within the last 90 days to be the user of the name is counted by
 * itself, so that a lock that strangers cause does not keep its people out. A name without a user goes through the same
 * statements as one with, so a lock tells nothing about whether the user exists. Only HMACs of names and places are
 * stored. A day after its last failure or lock a counter starts from zero.
 */
@Injectable()
export class LoginFailures {
  private readonly schedule: readonly number[];
  private readonly key: Buffer;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(SIGNING_KEY) signingKey: KeyObject,
    config: AppConfig,
  ) {
    this.key = Buffer.from(hkdfSync('sha256', signingKey, '', 'fog-compute names of failed log-ins', 32));
    this.schedule = lockSchedule({
      maxFailures: config.LOGIN_MAX_FAILURES,
      lockSeconds: config.LOGIN_LOCK_SECONDS,
      maxLockSeconds: config.LOGIN_LOCK_MAX_SECONDS,
    });
  }

  async before(attempt: LoginAttempt): Promise<FailuresBefore> {
    const [found] = await this.dataSource.query<[FailuresBefore]>(
      `SELECT c.counter, f.name_hash IS NOT NULL AS "hasFailures",
              coalesce(GREATEST(0, ceil(extract(epoch FROM f.locked_until - now()))), 0)::integer AS "lockedForSeconds"
         FROM (SELECT coalesce((SELECT k.hash FROM known_addresses AS k WHERE k.hash = $2), $1) AS counter) AS c
         LEFT JOIN login_failures AS f ON f.name_hash = c.counter`,
      [this.hashOf(attempt.name), this.hashOfBoth(attempt)],
    );
    return found;
  }

  /** Counts one failure and locks by the schedule. One statement, so that of many at once every one is counted. */
  async record(counter: Buffer): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO login_failures AS f (name_hash, failures, locked_until)
       VALUES ($1, 1, now() + make_interval(secs => ($2::integer[])[1]))
       ON CONFLICT (name_hash) DO UPDATE SET (failures, locked_until) = (
         SELECT counted.n, now() + make_interval(secs => ($2::integer[])[LEAST(counted.n, cardinality($2::integer[]))])
           FROM (SELECT CASE WHEN f.locked_until < now() - interval '1 day' THEN 1 ELSE f.failures + 1 END AS n) AS counted)`,
      [counter, this.schedule],
    );
  }

  async forget(counter: Buffer): Promise<void> {
    await this.dataSource.query(`DELETE FROM login_failures WHERE name_hash = $1`, [counter]);
  }

  /** Unlocks the name, for strangers and for known places. */
  async forgetName(tx: Tx, name: string): Promise<void> {
    await tx.query(
      `DELETE FROM login_failures
        WHERE name_hash = $1 OR name_hash IN (SELECT hash FROM known_addresses WHERE name_hash IN ($1, $2))`,
      [this.hashOf(name), this.hashOfSessions(name)],
    );
  }

  /** The same, and no place is known any more: who has had the password of before may have made some known. */
  async forgetPlaces(tx: Tx, name: string): Promise<void> {
    await this.forgetName(tx, name);
    await tx.query(`DELETE FROM known_addresses WHERE name_hash IN ($1, $2)`, [this.hashOf(name), this.hashOfSessions(name)]);
  }

  /** From now on failures from this place are counted by themselves. Written at most once a day. */
  async noteKnown(db: Pick<EntityManager, 'query'>, attempt: LoginAttempt): Promise<void> {
    await db.query(
      `INSERT INTO known_addresses AS k (hash, name_hash) VALUES ($1, $2)
       ON CONFLICT (hash) DO UPDATE SET seen_at = now() WHERE k.seen_at < now() - interval '1 day'`,
      [this.hashOfBoth(attempt), 'address' in attempt.from ? this.hashOf(attempt.name) : this.hashOfSessions(attempt.name)],
    );
  }

  /**
   * Until when log-ins of the names are locked, for strangers or for a known address. Those that are not locked are left out; the lock of a
   * session keeps nobody from logging in.
   */
  async lockedUntil(db: EntityManager, names: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    const hashes = names.map((name) => this.hashOf(name));
    const rows = await db.query<{ place: number; lockedUntil: Date }[]>(
      `SELECT w.place::integer, max(f.locked_until) AS "lockedUntil"
         FROM unnest($1::bytea[]) WITH ORDINALITY AS w (hash, place)
        CROSS JOIN LATERAL (SELECT w.hash UNION ALL SELECT k.hash FROM known_addresses AS k WHERE k.name_hash = w.hash) AS c
         JOIN login_failures AS f ON f.name_hash = c.hash AND f.locked_until > now()
        GROUP BY w.place`,
      [hashes],
    );
    return new Map(rows.map(({ place, lockedUntil }) => [names[place - 1] ?? '', lockedUntil]));
  }

  private hashOfBoth({ name, from }: LoginAttempt): Buffer {
    return this.hashOf(`${name}\0${'address' in from ? addressKey(from.address) : `session ${from.sessionId}`}`);
  }

  /** Whose sessions they are, apart from whose addresses. */
  private hashOfSessions(name: string): Buffer {
    return this.hashOf(`${name}\0sessions`);
  }

  private hashOf(name: string): Buffer {
    return createHmac('sha256', this.key).update(name).digest();
  }
}
