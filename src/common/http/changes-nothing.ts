const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether a request only asks: its method is safe (RFC 9110), or its path ends in `preview`, which no route does that changes
 * anything. Read-only tokens may ask, and a question leaves no row in the audit log.
 */
export const changesNothing = (method: string, path: string): boolean => SAFE_METHODS.has(method) || path.endsWith('/preview');
