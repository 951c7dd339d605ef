const MAY_BE_EMPTY = new WeakSet();

/** For a body of which every member is optional: sending none at all means the same as `{}`. */
export const EmptyBodyAllowed = (): ClassDecorator => (target) => void MAY_BE_EMPTY.add(target);

/** What clients send that always serialise something: `null` (Java), `[]` (an empty array of PHP). */
export const isNothing = (body: unknown): boolean => body === undefined || body === null || (Array.isArray(body) && body.length === 0);

export const mayBeEmpty = (dto: object): boolean => MAY_BE_EMPTY.has(dto);
