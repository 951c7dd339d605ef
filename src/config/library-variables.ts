/** What the PostgreSQL client may still read for a DATABASE_URL that does not say it, as psql does. */
const LEFT_TO_CLIENT = new Set(['PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGPASSFILE', 'PGDATABASE', 'PGSSLMODE', 'PGSSLNEGOTIATION']);

/**
 * Takes out of the environment what libraries read there by themselves, so that only our configuration counts: the shell of
 * an administrator often has PGOPTIONS or DOCKER_CERT_PATH for other programs. For the embedded database no variable of
 * PostgreSQL counts. To be called once the configuration is read.
 */
export function hideFromLibraries(env: NodeJS.ProcessEnv, { DATABASE_URL }: { readonly DATABASE_URL?: string }): void {
  const mayStay = (name: string): boolean => DATABASE_URL !== undefined && LEFT_TO_CLIENT.has(name);
  for (const name of Object.keys(env)) {
    if (/^(?:DOCKER_|PG[A-Z])/.test(name) && !mayStay(name)) Reflect.deleteProperty(env, name);
  }
}
