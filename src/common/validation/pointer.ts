/** Longer than any name that a request may use. */
const SHOWN_NAME_LENGTH = 64;

/** A name that a request has used, as answers repeat it: cut, so that nobody gets back what may be as large as a body. */
export const shownName = (name: string): string => name.slice(0, SHOWN_NAME_LENGTH);

/** One reference token of a JSON pointer (RFC 6901), with its slash. The name is cut as `shownName` cuts it. */
export const toPointer = (name: string): string => `/${shownName(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
