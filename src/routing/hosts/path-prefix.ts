const MAX_PATH_LENGTH = 255;
/** What RFC 3986 allows in a path without an encoding. */
const CHARACTERS = /^[A-Za-z0-9._~!$&'()*+,;=:@/-]+$/;

/** A path in its one spelling, or what is wrong with it in words that follow "the path". */
export type PathReading = { readonly path: string } | { readonly fault: string };

/** Reads a path prefix: `/api` and `/api/` are the same. What clients could spell in two ways is refused. */
export function readPathPrefix(text: string): PathReading {
  if (!text.startsWith('/')) return { fault: 'must start with /' };
  if (text.length > MAX_PATH_LENGTH) return { fault: `must have at most ${MAX_PATH_LENGTH} characters` };
  if (text.includes('%')) return { fault: 'must not contain encodings such as %2F' };
  if (!CHARACTERS.test(text)) return { fault: 'must be a path alone, of letters, digits and the signs that paths may have' };
  const path = text.replace(/\/$/, '');
  const segments = path.split('/').slice(1);
  if (segments.includes('')) return { fault: 'must not contain //' };
  if (segments.some((segment) => segment === '.' || segment === '..')) return { fault: 'must not contain the segments . and ..' };
  return { path: path === '' ? '/' : path };
}

/** Whether a request for `path` is for the prefix: the same path, or one below it. `/api` does not cover `/apis`. */
export const covers = (prefix: string, path: string): boolean => prefix === '/' || path === prefix || path.startsWith(`${prefix}/`);
