/** Names shorter than this have too many neighbours that mean something else, such as HOST and HOSTS. */
const MIN_LENGTH = 8;
/** What shells, curl and package managers read of proxies, in either case. */
const OF_PROXIES = /^(?:https?|no|all|ftp)_proxy$/i;
/** Of this length on, two edits count as near. */
const LONG = 12;

/**
 * One sentence for each variable that nothing reads and whose name is nearly that of a variable that is not set, or that names
 * the file of one, as other programs read it. Names of others are left alone: those that orchestrators make of services, such
 * as REDIS_SERVICE_PORT, are not near.
 */
export function misspelledNames(present: readonly string[], known: ReadonlySet<string>): string[] {
  const absent = [...known].filter((name) => !present.includes(name));
  return present.flatMap((name) => {
    if (known.has(name) || OF_PROXIES.test(name)) return [];
    const exported = /^export\s+(\w+)$/.exec(name)?.[1];
    if (exported !== undefined && known.has(exported))
      return [`"${name}" is set, but nothing reads it: leave out the word export, which only shells know`];
    const ofFile = absent.find((candidate) => name === `${candidate}_FILE`);
    if (ofFile !== undefined) return [`${name} is set, but nothing reads it: give the value itself in ${ofFile}`];
    const meant = absent.find((candidate) => isNear(name, candidate, MIN_LENGTH));
    return meant === undefined ? [] : [`${shown(name)} is set, but nothing reads it: ${meant} is probably meant`];
  });
}

/** Whether a name is another one, but for its case, what joins its words, or a slip of the fingers. */
export const isNearName = (name: string, candidate: string): boolean => isNear(name, candidate, 5);

function isNear(name: string, candidate: string, minLength: number): boolean {
  const [one, other] = [plain(name), plain(candidate)];
  // Such as `port`, `DATADIR`, and the mark that some editors write before the first line of a file.
  if (one === other) return true;
  if (Math.min(name.length, candidate.length) < minLength) return false;
  const most = other.length < LONG ? 1 : 2;
  return Math.abs(one.length - other.length) <= most && editsBetween(one, other) <= most;
}

/** With the signs that nobody would see. */
const shown = (name: string): string => name.replaceAll(/[^\w.-]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/** Case and what joins the words are no difference of their own. */
const plain = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');

/** How many letters are added, left out, exchanged or swapped with their neighbour (optimal string alignment). */
function editsBetween(one: string, other: string): number {
  let before: number[] = [];
  let above = Array.from({ length: other.length + 1 }, (_unused, column) => column);
  for (let row = 1; row <= one.length; row++) {
    const line = [row];
    for (let column = 1; column <= other.length; column++) {
      const differs = one[row - 1] === other[column - 1] ? 0 : 1;
      const isSwap = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      line[column] = Math.min(
        at(above, column) + 1,
        at(line, column - 1) + 1,
        at(above, column - 1) + differs,
        isSwap ? at(before, column - 2) + 1 : Infinity,
      );
    }
    [before, above] = [above, line];
  }
  return at(above, other.length);
}

const at = (line: readonly number[], column: number): number => line[column] ?? Infinity;
