import { readFileSync } from 'node:fs';
import type { ClientConfig } from 'pg';
import { fieldOf } from '../common/field-of';
import { parseDatabaseUrl, type DatabaseAddress } from '../config/database-url';

type Tls = Exclude<ClientConfig['ssl'], undefined>;

/**
 * How the client reaches the database of a DATABASE_URL. Everything is said member by member: a URL that is handed to the
 * client would replace our own settings by its query. Throws in words when the URL, or a file that it names, cannot be used.
 */
export function connectionSettings(url: string): ClientConfig {
  const address = parseDatabaseUrl(url);
  const { host, port, user, password, database, parameters } = address;
  const ssl = tlsOf(address);
  return {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
    ...(ssl === undefined ? {} : { ssl }),
    ...(parameters.options === undefined ? {} : { options: parameters.options }),
    ...(parameters.application_name === undefined ? {} : { application_name: parameters.application_name }),
    ...(parameters.sslnegotiation === 'direct' || parameters.sslnegotiation === 'postgres'
      ? { sslnegotiation: parameters.sslnegotiation }
      : {}),
    ...(parameters.channel_binding === 'require' || parameters.channel_binding === 'prefer' ? { enableChannelBinding: true } : {}),
  };
}

/**
 * Undefined: the URL does not say. `require` checks the certificate, unlike in psql, because encryption towards somebody
 * unknown protects nobody; `no-verify` is for those who want that, and `uselibpqcompat=true` for psql's meaning.
 */
function tlsOf({ parameters }: DatabaseAddress): Tls | undefined {
  const { ssl, sslmode, sslrootcert, sslcert, sslkey, uselibpqcompat } = parameters;
  if (sslmode === 'disable' || sslmode === 'allow' || ssl === 'false' || ssl === '0') return false;
  const isWanted = [sslmode, sslrootcert, sslcert, sslkey, parameters.sslnegotiation === 'direct' ? 'direct' : undefined, ssl].some(
    Boolean,
  );
  if (!isWanted) return undefined;
  const isLax = uselibpqcompat === 'true' && (sslmode === 'prefer' || (sslmode === 'require' && sslrootcert === undefined));
  const anyName = sslmode === 'verify-ca' || (uselibpqcompat === 'true' && sslmode === 'require');
  return {
    ...(sslrootcert === undefined || sslrootcert === 'system' ? {} : { ca: fileOf('sslrootcert', sslrootcert) }),
    ...(sslcert === undefined ? {} : { cert: fileOf('sslcert', sslcert) }),
    ...(sslkey === undefined ? {} : { key: fileOf('sslkey', sslkey) }),
    ...(isLax || sslmode === 'no-verify' || ssl === 'no-verify' ? { rejectUnauthorized: false } : {}),
    ...(anyName ? { checkServerIdentity: () => undefined } : {}),
  };
}

function fileOf(parameter: string, path: string): string {
  const file = `The file that ${parameter} in DATABASE_URL names`;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${file} cannot be read (${String(fieldOf(error, 'code'))}): ${path}`, { cause: error });
  }
  // Of other files the client takes no notice, and then trusts nobody.
  if (!text.includes('-----BEGIN ')) throw new Error(`${file} is not in the PEM format: ${path}`);
  return text;
}
