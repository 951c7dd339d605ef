/** What an unverified JWT says of itself. Use it only to choose the key to verify the token with. */
export interface JwtOutline {
  readonly alg: string;
  readonly kid: string | undefined;
  readonly issuer: string;
}

export interface JwtClaims {
  readonly sub: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  readonly [claim: string]: unknown;
}

/** Media types (RFC 7515, 4.1.9): in any case, and with or without `application/`. Others are no access tokens. */
const TYPES = /^(?:application\/)?(?:at\+)?jwt$/i;
/**
 * `crit` and `b64` change what a signature means; the others carry a key. We understand none of them, so tokens that
 * have one are refused.
 */
const REFUSED_HEADERS = ['crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c'] as const;
/** How far the clocks of issuers may be from ours. */
export const CLOCK_LEEWAY_SECONDS = 60;
/** Tokens that are valid for longer are refused. */
export const MAX_LIFETIME_SECONDS = 86_400;
const MAX_TEXT = 255;

/** Null for everything but a plain signed JWT in its canonical spelling. Does not check the signature. */
export function outlineOf(token: string): JwtOutline | null {
  const parts = token.split('.');
  if (parts.length !== 3 || !parts.every(isCanonical)) return null;
  const [header, payload] = parts.map(jsonObject);
  if (!header || !payload || !isAccessTokenType(header.typ)) return null;
  if (REFUSED_HEADERS.some((name) => name in header)) return null;
  const { alg, kid } = header;
  const { iss } = payload;
  if (typeof alg !== 'string' || typeof iss !== 'string' || (kid !== undefined && typeof kid !== 'string')) return null;
  return { alg, kid, issuer: iss };
}

/**
 * The checks that jsonwebtoken leaves out. The payload must be one whose signature, `iss`, `aud` and `exp` are
 * verified. Every claim that we use must be there and of its type, and the token neither issued in the future nor valid
 * for more than a day.
 */
export function checkedClaims(payload: unknown, nowSeconds: number): JwtClaims | null {
  if (!isObject(payload)) return null;
  const { iss, aud, exp, iat, sub } = payload;
  // Entra ID calls the id of a token `uti`.
  const jti = payload.jti ?? payload.uti;
  if (!isText(iss) || !isText(sub) || !isText(jti)) return null;
  if (!isText(aud) && !(Array.isArray(aud) && aud.length > 0 && aud.every(isText))) return null;
  if (!isTime(exp) || !isTime(iat)) return null;
  if (iat > nowSeconds + CLOCK_LEEWAY_SECONDS || exp <= iat || exp - iat > MAX_LIFETIME_SECONDS) return null;
  return { ...payload, sub, jti, iat, exp };
}

const isAccessTokenType = (type: unknown): boolean => type === undefined || (typeof type === 'string' && TYPES.test(type));

const isCanonical = (part: string): boolean => part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part;

function jsonObject(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= MAX_TEXT && !/\p{Cc}/u.test(value);
const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
