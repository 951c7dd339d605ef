export interface BearerChallenge {
  readonly realm: string;
  readonly service: string | null;
}

/** What a registry says in `WWW-Authenticate` about its token service; null where it takes user name and password itself. Pure. */
export function bearerChallenge(header: string): BearerChallenge | null {
  if (!/^bearer\s/i.test(header)) return null;
  const parameter = (name: string): string | null => new RegExp(`[\\s,]${name}="([^"]*)"`, 'i').exec(header)?.[1] ?? null;
  const realm = parameter('realm');
  return realm !== null && URL.canParse(realm) ? { realm, service: parameter('service') } : null;
}
