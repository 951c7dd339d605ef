export const MAX_SECRET_NAME = 63;

/** What names a secret or a registry in its project. */
export const SECRET_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/;
