import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { createHmac, hkdfSync, type KeyObject } from 'node:crypto';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { SIGNING_KEY } from './access-tokens';
import { lockSchedule } from './lockout';

export interface LoginFailuresOfName {
  readonly hasFailures: boolean;
  /** 0 when not locked. */
  readonly lockedForSeconds: number;
}

/**
 * Counts failed log-ins by name. A name without a user goes through the same statements as one with, so a lock tells
 * nothing about whether the user exists. Only an HMAC of the name is stored. A day after its last failure or lock a
 * name starts from zero.
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

  async of(name: string): Promise<LoginFailuresOfName> {
    const [row] = await this.dataSource.query<{ lockedForSeconds: number }[]>(
      `SELECT GREATEST(0, ceil(extract(epoch FROM locked_until - now())))::integer AS "lockedForSeconds"
         FROM login_failures WHERE name_hash = $1`,
      [this.hashOf(name)],
    );
    return { hasFailures: row !== undefined, lockedForSeconds: row?.lockedForSeconds ?? 0 };
  }

  /** Counts one failure and locks by the schedule. One statement, so that of many at once every one is counted. */
  async record(name: string): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO login_failures AS f (name_hash, failures, locked_until)
       VALUES ($1, 1, now() + make_interval(secs => ($2::integer[])[1]))
       ON CONFLICT (name_hash) DO UPDATE SET (failures, locked_until) = (
         SELECT counted.n, now() + make_interval(secs => ($2::integer[])[LEAST(counted.n, cardinality($2::integer[]))])
           FROM (SELECT CASE WHEN f.locked_until < now() - interval '1 day' THEN 1 ELSE f.failures + 1 END AS n) AS counted)`,
      [this.hashOf(name), this.schedule],
    );
  }

  async forget(name: string): Promise<void> {
    await this.dataSource.query(`DELETE FROM login_failures WHERE name_hash = $1`, [this.hashOf(name)]);
  }

  private hashOf(name: string): Buffer {
    return createHmac('sha256', this.key).update(name).digest();
  }
}
