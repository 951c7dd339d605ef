export const MAX_VOLUME_NAME = 100;

/** What names a volume in its project; like the names of deployments. */
export const VOLUME_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
