/** The members of objects of a cluster that are times, as far as anybody here reads them. */
const TIMES: ReadonlySet<string> = new Set(['creationTimestamp', 'deletionTimestamp', 'startedAt', 'finishedAt', 'lastTransitionTime']);
/** What people and programs name as they like is left as it is. */
const FREE: ReadonlySet<string> = new Set(['labels', 'annotations']);

/**
 * Turns the texts in an object of a cluster that are times into dates, in place, and forgets who has set which member, which is half of
 * an object. The classes of the client library make dates, too, and take ten times as long and several times the memory, which tells in
 * a list of a thousand.
 */
export function withDates<T>(object: T): T {
  if (typeof object !== 'object' || object === null) return object;
  const members = object as Record<string, unknown>;
  for (const key in members) {
    const value = members[key];
    if (typeof value === 'string') {
      if (TIMES.has(key)) members[key] = new Date(value);
    } else if (key === 'managedFields') members[key] = undefined;
    else if (!FREE.has(key)) withDates(value);
  }
  return object;
}
