import { createHash, randomBytes } from 'node:crypto';

export const API_TOKEN_PREFIX = 'fog_';
export const REFRESH_TOKEN_PREFIX = 'fogr_';
export const PASSWORD_LINK_PREFIX = 'fogp_';

/** 256 random bits behind a prefix that secret scanners can find. */
export const newSecretToken = (prefix: string): string => prefix + randomBytes(32).toString('base64url');

/** What is stored of a token. A plain hash is enough, because 256 random bits cannot be guessed. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');
