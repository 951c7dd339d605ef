import { uuidv7 } from 'uuidv7';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isUuid = (text: string): boolean => UUID.test(text);

/**
 * The id of a new row, of version 7: it begins with the time, in milliseconds. New rows then stand side by side in every index, where
 * random ids make each touch, and after a checkpoint log, a page of its own. Its first digits do not tell rows apart, so it is not for
 * replicas: the names of their containers come from those.
 */
export const newId = uuidv7;
