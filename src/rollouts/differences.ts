import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type JsonObject } from './merge-patch';

/** One member of a body that a change would change. Null: it is not there. */
export interface Difference {
  /** Such as `resources.memory`. */
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** In place of every value of `env`. */
const HIDDEN = '(hidden)';
/** Objects whose members are compared one by one; all else is compared as a whole. */
const OPENED: ReadonlySet<string> = new Set(['env', 'secret_env', 'labels', 'resources', 'rollout']);
const MAX_WORDS = 400;

/** What differs between two bodies, in the order of the names. Values of `env` are not in it. Pure. */
export function differences(before: JsonObject, after: JsonObject): Difference[] {
  return namesOf(before, after).flatMap((field): Difference[] => {
    const [from, to] = [before[field], after[field]];
    if (isDeepStrictEqual(from ?? null, to ?? null)) return [];
    if (!OPENED.has(field)) return [{ field, from: from ?? null, to: to ?? null }];
    return membersOf(field, isJsonObject(from) ? from : {}, isJsonObject(to) ? to : {});
  });
}

function membersOf(field: string, from: JsonObject, to: JsonObject): Difference[] {
  const shown = (map: JsonObject, name: string): unknown => (Object.hasOwn(map, name) ? (field === 'env' ? HIDDEN : map[name]) : null);
  return namesOf(from, to)
    .filter((name) => valueOf(from, name) !== valueOf(to, name))
    .map((name) => ({ field: `${field}.${name}`, from: shown(from, name), to: shown(to, name) }));
}

const valueOf = (map: JsonObject, name: string): unknown => (Object.hasOwn(map, name) ? map[name] : undefined);

const namesOf = (...maps: readonly JsonObject[]): string[] => [...new Set(maps.flatMap((map) => Object.keys(map)))].sort();

/** The differences in one line for the history. Of lists, and of what may hold secrets, only the name. */
export function differenceWords(changes: readonly Difference[]): string {
  const words = changes.map(({ field, from, to }) =>
    isPlain(from) && isPlain(to) && !field.startsWith('env.') ? `${field} ${plain(from)} → ${plain(to)}` : field,
  );
  const line = words.join(', ');
  return line.length <= MAX_WORDS ? line : `${line.slice(0, MAX_WORDS)}…`;
}

type Plain = string | number | boolean | null;

const isPlain = (value: unknown): value is Plain => value === null || ['string', 'number', 'boolean'].includes(typeof value);
const plain = (value: Plain): string => (value === null ? 'none' : String(value));
