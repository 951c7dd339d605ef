/** Where a page of a keyset walk begins. `backwards` is null without a cursor. */
export interface PageStart {
  readonly limit: number;
  readonly offset: number;
  readonly backwards: boolean | null;
}

/** The page in the order of the list, out of the rows in the order of the walk, of which one more than the limit was asked for. */
export function walkedPage<T>(
  walked: readonly T[],
  { limit, offset, backwards }: PageStart,
): { rows: T[]; hasNext: boolean; hasPrev: boolean } {
  const more = walked.length > limit;
  const rows = walked.slice(0, limit);
  if (backwards) return { rows: rows.reverse(), hasNext: true, hasPrev: more };
  return { rows, hasNext: more, hasPrev: backwards !== null || offset > 0 };
}
