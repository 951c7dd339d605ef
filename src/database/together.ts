/**
 * Waits for statements of one transaction that do not need each other's answers, and gives their results. They are called one
 * after the other and sent in that order without waiting, so all of them cost one round trip: `together([first(tx), second(tx)])`.
 * Throws the error of the first one that failed, once all have ended; a statement that came after the rollback would be
 * committed by itself.
 */
export async function together<T extends readonly Promise<unknown>[] | []>(
  statements: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const settled = await Promise.allSettled(statements);
  const results = settled.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
  return results as { -readonly [K in keyof T]: Awaited<T[K]> };
}
