const MAY_BE_EMPTY = new WeakSet();

/** For a body of which every member is optional: sending none at all means the same as `{}`. */
export const EmptyBodyAllowed = (): ClassDecorator => (target) => void MAY_BE_EMPTY.add(target);

export const mayBeEmpty = (dto: object): boolean => MAY_BE_EMPTY.has(dto);
