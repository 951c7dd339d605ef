import type { AppConfig } from '../config/app-config';

interface TokenIssuer {
  readonly issuer: string;
  readonly audience: string;
}

/** The issuers whose tokens are accepted. Both are possible at once: log-in here works beside an outside identity provider. */
export interface TokenIssuers {
  readonly local: TokenIssuer;
  readonly external: (TokenIssuer & { readonly jwksUrl: string; readonly cacheSeconds: number }) | null;
}

/** With an outside issuer, JWT_ISSUER and JWT_AUDIENCE are its names and ours are these, so that the two cannot be mixed up. */
const BESIDE_EXTERNAL: TokenIssuer = { issuer: 'fog-compute-local', audience: 'fog-compute-local' };

export function tokenIssuers(config: AppConfig): TokenIssuers {
  const named = { issuer: config.JWT_ISSUER, audience: config.JWT_AUDIENCE };
  if (config.JWT_JWKS_URL === undefined) return { local: named, external: null };
  return { local: BESIDE_EXTERNAL, external: { ...named, jwksUrl: config.JWT_JWKS_URL, cacheSeconds: config.JWT_JWKS_CACHE_SECONDS } };
}
