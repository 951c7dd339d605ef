import { postgresCode } from './postgres-error';

/** The SQLSTATE in_failed_sql_transaction. */
const IN_FAILED_TRANSACTION = '25P02';

/**
 * Waits for statements of one transaction that do not need each other's answers, and gives their results. They are called one
 * after the other and sent in that order without waiting, so all of them cost one round trip: `together([first(tx), second(tx)])`.
 * Throws the error of the first one that failed, and not of those that failed because the transaction had, once all have ended; a
 * statement that came after the rollback would be committed by itself.
 */
export async function together<T extends readonly Promise<unknown>[] | []>(
  statements: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const settled = await Promise.allSettled(statements);
  const failures = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  if (failures.length > 0) throw failures.find((error) => postgresCode(error) !== IN_FAILED_TRANSACTION) ?? failures[0];
  return settled.map((each) => (each.status === 'fulfilled' ? each.value : undefined)) as { -readonly [K in keyof T]: Awaited<T[K]> };
}
