/** Where a page of a keyset walk begins. `backwards` is null when there is no cursor. */
export interface PageStart {
  readonly limit: number;
  readonly offset: number;
  readonly backwards: boolean | null;
}

/** Makes a page in the order of the list from rows in the order of the walk. The query must ask for one row more than the limit. */
export function walkedPage<T>(
  walked: readonly T[],
  { limit, offset, backwards }: PageStart,
): { rows: T[]; hasNext: boolean; hasPrev: boolean } {
  const more = walked.length > limit;
  const rows = walked.slice(0, limit);
  if (backwards) return { rows: rows.reverse(), hasNext: true, hasPrev: more };
  return { rows, hasNext: more, hasPrev: backwards !== null || offset > 0 };
}
