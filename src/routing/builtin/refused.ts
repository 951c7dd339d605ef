import { fieldOf } from '../../common/field-of';

const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT']);

/** The code of an error of the system or of the client's library. */
export const codeOf = (error: unknown): string => String(fieldOf(error, 'code'));

/** True when there never was a connection, so that the other side cannot have received anything. */
export const wasNotSent = (error: unknown): boolean => NEVER_CONNECTED.has(codeOf(error));
