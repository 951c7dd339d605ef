/**
 * Reads one value of a message, or throws a ShapeError. Messages come from machines that are only half trusted, so every text, number and
 * list has a bound, and members that nobody asked for are left out.
 */
export type Shape<T> = (value: unknown, at: string) => T;

/** What is wrong with a message, and where. */
export class ShapeError extends Error {}

const fail = (at: string, words: string): never => {
  throw new ShapeError(`${at} ${words}`);
};

/** What no JSON in the database may hold. */
const UNFIT = /[\0\p{Surrogate}]/gu;

/** A text of at most `max` UTF-16 units, matching `pattern` if one is given. */
export const text =
  (max: number, pattern?: RegExp): Shape<string> =>
  (value, at) =>
    typeof value !== 'string' || value.length > max || pattern?.test(value) === false
      ? fail(at, 'is not such a text')
      : value.replace(UNFIT, '\ufffd');

/** Words for people: what is longer than `max` UTF-16 units is cut off, as some of it comes from images and engines. */
export const words =
  (max: number): Shape<string> =>
  (value, at) =>
    typeof value === 'string' ? text(max)(value.slice(0, max), at) : fail(at, 'is not a text');

/** A number within these bounds, whole unless said otherwise. */
export const numeric =
  (min: number, max: number, { whole = true } = {}): Shape<number> =>
  (value, at) =>
    typeof value !== 'number' || !(value >= min && value <= max) || (whole && !Number.isSafeInteger(value))
      ? fail(at, 'is not such a number')
      : value;

export const flag: Shape<boolean> = (value, at) => (typeof value === 'boolean' ? value : fail(at, 'is not true or false'));

export const oneOf =
  <T extends string | number>(...values: readonly T[]): Shape<T> =>
  (value, at) =>
    values.find((known) => known === value) ?? fail(at, `is none of ${values.join(', ')}`);

/** Null and absence are the same. */
export const orNull =
  <T>(shape: Shape<T>): Shape<T | null> =>
  (value, at) =>
    value === null || value === undefined ? null : shape(value, at);

export const listOf =
  <T>(max: number, shape: Shape<T>): Shape<T[]> =>
  (value, at) =>
    !Array.isArray(value) || value.length > max
      ? fail(at, `is not a list of at most ${String(max)}`)
      : value.map((entry, index) => shape(entry, `${at}/${String(index)}`));

export const object =
  <T extends object>(members: { readonly [K in keyof T]-?: Shape<T[K]> }): Shape<T> =>
  (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(at, 'is not an object');
    const entries = Object.entries<Shape<unknown>>(members);
    return Object.fromEntries(entries.map(([name, shape]) => [name, shape(Reflect.get(value, name), `${at}/${name}`)])) as T;
  };

export const uuid: Shape<string> = text(36, /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);

/** A time as ISO 8601 in UTC. */
export const time: Shape<string> = (value, at) => {
  const given = text(40, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)(value, at);
  return Number.isNaN(Date.parse(given)) ? fail(at, 'is not a time') : given;
};

/** Random bytes or a key as base64url, so many of them. */
export const bytes =
  (count: number): Shape<string> =>
  (value, at) => {
    const given = text(count * 2, /^[\w-]+$/)(value, at);
    return Buffer.from(given, 'base64url').length === count ? given : fail(at, `is not ${String(count)} bytes in base64url`);
  };
