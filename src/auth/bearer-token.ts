/** The raw headers as they were received, names and values in turn. Requests of Fastify and of Node both have them. */
export interface RequestWithHeaders {
  readonly raw: { readonly rawHeaders: readonly string[] };
}

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i;
/** Node takes 16 kB of headers in all. A token of Entra ID with the 200 groups that it names at most has 13 kB. */
const MAX_LENGTH = 16_384;

/** All Authorization headers; Node's own `headers` would silently keep the first of two. */
function authorizationHeaders({ raw: { rawHeaders } }: RequestWithHeaders): string[] {
  return rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'authorization');
}

export const hasCredentials = (request: RequestWithHeaders): boolean => authorizationHeaders(request).length > 0;

/** The token of the one `Authorization: Bearer` header (scheme in any case, RFC 9110); null for none, two, or another scheme. */
export function bearerToken(request: RequestWithHeaders): string | null {
  const [header, ...more] = authorizationHeaders(request);
  if (header === undefined || more.length > 0 || header.length > MAX_LENGTH) return null;
  return BEARER.exec(header.trim())?.[1] ?? null;
}
