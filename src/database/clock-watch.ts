import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { readFileSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import type { Tx } from './transaction';

/** By how many seconds the clock may go back between two looks before what lies in the future counts as written too early. */
const BACK_SECONDS = 2;

/** What the clock of the database has done since it was last looked at. */
export interface ClockLook {
  /** It was set back: due times and heartbeats may lie further ahead than they should. */
  readonly wentBack: boolean;
  /** By how many seconds it has moved without an explanation; null unless that is so much that an administrator must look. */
  readonly stepSeconds: number | null;
}

export interface ClockState {
  readonly now: Date;
  readonly seenAt: Date;
  readonly stepSeconds: number | null;
  readonly steppedAt: Date | null;
}

/**
 * Watches the clock of the database, by which everything is kept and removed. When it moves by more than CLOCK_STEP_MAX_HOURS
 * although no such time has passed, nothing is removed by age any more until an administrator says that the time is right:
 * a step forward would otherwise remove within seconds what is kept for a year.
 */
@Injectable()
export class ClockWatch {
  /** Time passed on one machine since one start of it is known, also while the program did not run or the machine slept. */
  private readonly boot = bootOfThisMachine();
  private readonly mostSeconds: number;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    config: AppConfig,
  ) {
    this.mostSeconds = config.CLOCK_STEP_MAX_HOURS * 3_600;
  }

  /** Compares the clock with the time that has really passed, and remembers both. To be called every minute or so. */
  async look(): Promise<ClockLook> {
    const [[look]] = await this.dataSource.query<[[{ step: number; stepSeconds: number | null }], number]>(LOOK, [
      ...[this.boot, uptime(), this.mostSeconds],
    ]);
    return { wentBack: look.step < -BACK_SECONDS, stepSeconds: look.stepSeconds };
  }

  /** Whether records may be removed for their age now: the clock is trusted, and was looked at not long ago. */
  async mayRemove(database: Pick<Tx, 'query'> = this.dataSource): Promise<boolean> {
    const [row] = await database.query<{ may: boolean }[]>(MAY_REMOVE, [this.mostSeconds]);
    return row?.may ?? false;
  }

  state(): Promise<ClockState> {
    return read(this.dataSource, STATE);
  }

  /** Trusts the clock as it is now. Gives what was known before and what is known now. */
  async confirm(tx: Tx): Promise<{ before: ClockState; after: ClockState }> {
    const before = await read(tx, `${STATE} FOR UPDATE`);
    await tx.query(CONFIRM);
    return { before, after: await read(tx, STATE) };
  }
}

function bootOfThisMachine(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Elsewhere than on Linux only this process can tell how much time has passed.
    return `${hostname()}:${process.pid}:${Date.now()}`;
  }
}

/**
 * What has passed on the machine that looked last is explained if the same machine looks again. A step that was noticed stays
 * until it is confirmed, or until the clock has gone back by as much.
 * $1 the boot of this machine, $2 seconds since then, $3 seconds of an unexplained step that are accepted.
 */
const LOOK = `
  WITH look AS MATERIALIZED (SELECT clock_timestamp() AS at),
  passed AS (
    SELECT c.step_seconds AS before, c.stepped_at,
           extract(epoch FROM look.at - c.seen_at)::float8
             - CASE WHEN c.boot = $1::text THEN $2::float8 - c.uptime_seconds ELSE 0 END AS step
      FROM clock_watch AS c, look FOR UPDATE OF c),
  total AS (
    SELECT step, stepped_at, coalesce(before, 0) + CASE WHEN abs(step) > $3::float8 THEN step ELSE 0 END AS seconds FROM passed)
  UPDATE clock_watch AS c
     SET seen_at = look.at, boot = $1, uptime_seconds = $2,
         step_seconds = CASE WHEN abs(total.seconds) > $3 THEN total.seconds END,
         stepped_at = CASE WHEN abs(total.seconds) > $3 THEN coalesce(total.stepped_at, look.at) END
    FROM total, look
  RETURNING total.step, c.step_seconds AS "stepSeconds"`;

/** $1 as $3 of LOOK. */
const MAY_REMOVE = `
  SELECT step_seconds IS NULL AND abs(extract(epoch FROM clock_timestamp() - seen_at)) <= $1::float8 AS may
    FROM clock_watch`;

const STATE = `
  SELECT clock_timestamp() AS now, seen_at AS "seenAt", step_seconds AS "stepSeconds", stepped_at AS "steppedAt"
    FROM clock_watch`;

const CONFIRM = `
  UPDATE clock_watch
     SET step_seconds = NULL, stepped_at = NULL, seen_at = clock_timestamp(), boot = NULL, uptime_seconds = NULL`;

async function read(database: Pick<Tx, 'query'>, statement: string): Promise<ClockState> {
  const [row] = await database.query<ClockState[]>(statement);
  if (!row) throw new Error('The table clock_watch has no row');
  return row;
}
