/** One reference token of a JSON pointer (RFC 6901), with its slash. */
export const toPointer = (key: string): string => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
