import { isNearName } from './misspelled';

/** What DATABASE_URL says. Undefined members are left to the client's own rules, as in psql. */
export interface DatabaseAddress {
  /** A name, an address, or the folder of a socket. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  /** The rest of it, such as `sslmode` and `options`. */
  readonly parameters: Readonly<Record<string, string>>;
}

const PARTS = /^postgres(?:ql)?:\/\/(?<authority>[^/?#]*)(?:\/(?<path>[^?#]*))?(?:\?(?<query>[^#]*))?$/;
const HOST_AND_PORT = /^(?<host>\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[^:[\]]*)(?::(?<port>\d{0,5}))?$/;
const LARGEST_PORT = 65_535;

/** Parses the address of a database, as psql would. Throws a sentence that names DATABASE_URL and shows nothing of it. */
export function parseDatabaseUrl(url: string): DatabaseAddress {
  const parts = PARTS.exec(url)?.groups;
  if (parts === undefined) throw new Error(`${FORM}${/#/.test(url) ? '. A # in the password is written %23' : ''}`);
  const parameters = Object.fromEntries(new URLSearchParams(withLiteralPlus(parts.query)));
  requireKnown(parameters);
  const { authority = '' } = parts;
  const at = authority.lastIndexOf('@');
  const [user, ...password] = at < 0 ? [] : authority.slice(0, at).split(':');
  const hosts = parameters.host ?? authority.slice(at + 1);
  if (hosts.includes(',')) throw new Error('DATABASE_URL names several hosts: name one that follows the primary, such as a proxy');
  const { host, port } = parameters.host === undefined ? hostAndPort(hosts) : { host: hosts, port: parameters.port ?? '' };
  return {
    host: host || undefined,
    port: portOf(parameters.port ?? port),
    user: parameters.user ?? decoded(user),
    password: parameters.password ?? decoded(password.length === 0 ? undefined : password.join(':')),
    database: parameters.dbname ?? decoded(parts.path),
    parameters,
  };
}

/** What counts here. */
const USED = [
  ...['host', 'port', 'user', 'password', 'dbname', 'options', 'application_name', 'channel_binding'],
  ...['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation', 'uselibpqcompat'],
];
/** What psql obeys and this program does not: to leave it out silently would be less safe, or lead elsewhere, than was asked for. */
const UNSUPPORTED = [
  ...['hostaddr', 'service', 'passfile', 'require_auth', 'requirepeer', 'sslpassword', 'sslcrl', 'sslcrldir', 'sslcertmode'],
  ...['ssl_min_protocol_version', 'ssl_max_protocol_version'],
];
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/** What poolers and other clients read, such as `pgbouncer` and `connect_timeout`, is left alone. */
function requireKnown({ sslmode, ...parameters }: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(parameters)) {
    if (UNSUPPORTED.includes(name)) throw new Error(`DATABASE_URL has ${name}, which this program does not obey: leave it out`);
    const meant = USED.includes(name) ? undefined : USED.find((used) => isNearName(name, used));
    if (meant !== undefined) throw new Error(`DATABASE_URL has ${name}, which nothing reads: ${meant} is probably meant`);
  }
  if (sslmode !== undefined && !SSL_MODES.includes(sslmode))
    throw new Error(`sslmode in DATABASE_URL must be one of: ${SSL_MODES.join(', ')}`);
}

/** A + is a plus to psql and a space in forms. */
const withLiteralPlus = (query: string | undefined): string => (query ?? '').replaceAll('+', '%2B');

/** Where it leads, for people: without the user and the password. */
export function placeOf({ host, port, database }: DatabaseAddress): string {
  const name = host?.includes(':') ? `[${host}]` : (host ?? 'localhost');
  return `${name}:${String(port ?? 5432)}/${database ?? ''}`;
}

const FORM =
  'DATABASE_URL must look like postgres://user:password@host:5432/database, with / ? # @ and % in a password written as %2F %3F %23 %40 and %25';

function hostAndPort(text: string): { host: string; port: string } {
  const found = HOST_AND_PORT.exec(text)?.groups;
  if (found === undefined) throw new Error(FORM);
  return { host: decoded(found.host?.replace(/^\[|\]$/g, '')) ?? '', port: found.port ?? '' };
}

function portOf(text: string): number | undefined {
  if (text === '') return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > LARGEST_PORT)
    throw new Error('The port in DATABASE_URL is none: it must be 1 to 65535');
  return port;
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('DATABASE_URL has a % that begins no code of two hexadecimal digits: write %25 for a % itself');
  }
}
