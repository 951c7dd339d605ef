const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

const UNAVAILABLE_CODES = new Set([
  '25006', // read_only_sql_transaction: a standby, or a server protected against a full disk
  '25P03', // idle_in_transaction_session_timeout
  '25P04', // transaction_timeout
  '40001', // serialization_failure, after the last attempt
  '40P01', // deadlock_detected, after the last attempt
  '55P03', // lock_not_available
  '57014', // query_canceled: statement_timeout
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
  '58030', // io_error
]);
/** 08 = connection exceptions, 53 = out of connections, memory or disk. */
const UNAVAILABLE_CLASSES = new Set(['08', '53']);
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EMFILE', // this process, or with ENFILE the whole host, has no file descriptor for another connection
  'ENFILE',
]);
/** What a client says that is not part of a pool, when nobody has answered its connection in time. */
export const NO_ANSWER = /^timeout expired$/;
/** pg and its pool throw these as plain errors without a code. */
const UNAVAILABLE_MESSAGES = [
  /timeout exceeded when trying to connect/i,
  NO_ANSWER,
  /connection terminated/i,
  /client has encountered a connection error/i,
  /client was closed and is not queryable/i,
  /cannot use a pool after calling end/i,
  /query read timeout/i,
];
const UNAVAILABLE_NAMES = new Set(['QueryRunnerAlreadyReleasedError', 'QueryRunnerProviderAlreadyReleasedError']);

/** The SQLSTATE of a PostgreSQL error, also when TypeORM or a `cause` wraps it. */
export function postgresCode(error: unknown): string | undefined {
  return layers(error)
    .map((layer) => textOf(layer, 'code'))
    .find((code) => code !== undefined && SQLSTATE.test(code));
}

/** The name of the constraint that a write broke; undefined for every other error. */
export function violatedConstraint(error: unknown): string | undefined {
  if (!postgresCode(error)?.startsWith('23')) return undefined;
  return layers(error)
    .map((layer) => textOf(layer, 'constraint'))
    .find((name) => name !== undefined);
}

/** True when the same request can succeed later without a change: the database is away, busy, full or read-only. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const code = postgresCode(error);
  if (code !== undefined) return UNAVAILABLE_CODES.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2));
  return layers(error).some(
    (layer) =>
      NETWORK_CODES.has(textOf(layer, 'code') ?? '') ||
      UNAVAILABLE_NAMES.has(textOf(layer, 'name') ?? '') ||
      UNAVAILABLE_MESSAGES.some((pattern) => pattern.test(textOf(layer, 'message') ?? '')),
  );
}

/** The error and what it wraps, outermost first. */
function layers(error: unknown): object[] {
  const found: object[] = [];
  let layer = error;
  while (typeof layer === 'object' && layer !== null && !found.includes(layer)) {
    found.push(layer);
    const wrapper = layer as { driverError?: unknown; cause?: unknown };
    layer = wrapper.driverError ?? wrapper.cause;
  }
  return found;
}

function textOf(layer: object, key: string): string | undefined {
  const value: unknown = Reflect.get(layer, key);
  return typeof value === 'string' ? value : undefined;
}
