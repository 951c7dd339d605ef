import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { openForChange } from './connection-lanes';
import type { PreparingClient } from './preparing-client';
import { postgresCode } from './postgres-error';
import { run, type Statement } from './statement';
import { together } from './together';

declare const inTx: unique symbol;
/** An EntityManager inside a transaction. `dataSource.manager` does not type-check as one. */
export type Tx = EntityManager & { readonly [inTx]: true };

export interface TransactionOptions {
  /** Errors, besides serialization failures and deadlocks, after which a new attempt may succeed. */
  retryOn?: (error: unknown) => boolean;
}

/** A transaction that knows its last statements once its work is done. */
export interface EndingOptions<T> extends TransactionOptions {
  /**
   * The last statements, which are sent together with the commit, so all of them cost one round trip. Nobody looks at what they
   * answer before the commit: one that finds that nothing may be changed has to fail (`refuse_transaction`).
   */
  ending: (tx: Tx, result: T) => readonly Statement[];
}

const actionsAfterCommit = new WeakMap<Tx, (() => void)[]>();

/**
 * Runs `action` after the transaction has committed, and never when it rolls back. It is for hints only: a crash in between
 * loses them, so nothing may depend on their arrival. `action` must not throw.
 */
export function afterCommit(tx: Tx, action: () => void): void {
  actionsAfterCommit.get(tx)?.push(action);
}

const RETRYABLE = new Set(['40001', '40P01']); // serialization_failure, deadlock_detected
const MAX_ATTEMPTS = 3;
const ROLLBACK_TIMEOUT_MS = 5_000;

/**
 * Runs `work` in one transaction and commits it, or rolls back and throws the error of `work`.
 * `work` may run again from the start (at most three times), so it touches only the database.
 */
export async function inTransaction<T>(
  dataSource: DataSource,
  work: (tx: Tx, attempt: number) => Promise<T>,
  options: TransactionOptions | EndingOptions<T> = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const runner = dataSource.createQueryRunner();
    try {
      const tx = runner.manager as Tx;
      const actions: (() => void)[] = [];
      actionsAfterCommit.set(tx, actions);
      await openForChange(() => runner.connect());
      await runner.startTransaction();
      const result = await work(tx, attempt);
      await commit(runner, 'ending' in options ? options.ending(tx, result) : []);
      for (const action of actions) action();
      return result;
    } catch (error) {
      await rollBack(runner);
      if (attempt === MAX_ATTEMPTS || !isRetryable(error, options)) throw error;
    } finally {
      await runner.release();
    }
    await sleep(2 ** attempt * 10 * (0.5 + Math.random()));
  }
}

/**
 * Hands the last statements to the connection at once, and the commit behind them. When one of them fails the server makes the commit a
 * rollback. Their values are plain, so none fails before it is sent.
 */
async function commit(runner: QueryRunner, last: readonly Statement[]): Promise<void> {
  const client = (await runner.connect()) as PreparingClient;
  await together([...last.map((statement) => run(client, statement)), runner.commitTransaction()]);
}

function isRetryable(error: unknown, { retryOn }: TransactionOptions): boolean {
  return RETRYABLE.has(postgresCode(error) ?? '') || (retryOn?.(error) ?? false);
}

/** Never throws, because the error that led here is the one to report. */
async function rollBack(runner: QueryRunner): Promise<void> {
  if (!runner.isTransactionActive || runner.isReleased) return;
  const givingUp = new AbortController();
  try {
    const tooSlow = sleep(ROLLBACK_TIMEOUT_MS, undefined, { signal: givingUp.signal, ref: false }).then(() => {
      throw new Error('The rollback got no answer');
    });
    await Promise.race([runner.rollbackTransaction(), tooSlow]);
  } catch {
    await discardConnection(runner);
  } finally {
    givingUp.abort();
  }
}

/** A connection whose rollback failed may still be inside the transaction, so it is ended and the pool drops it on release. */
async function discardConnection(runner: QueryRunner): Promise<void> {
  try {
    ((await runner.connect()) as PreparingClient).discard();
  } catch {
    // No connection was ever opened.
  }
}
