import { parseDatabaseUrl, placeOf } from '../config/database-url';
import { fieldOf } from '../common/field-of';
import { tlsTrouble } from '../common/tls-trouble';
import { isDatabaseUnavailable, NO_ANSWER, postgresCode } from './postgres-error';

const NO_TLS = /does not speak TLS/;
const NO_PASSWORD = /client password must be a string/;

/** What is wrong with the database of this DATABASE_URL, in sentences with a remedy; null when the error is about something else. */
export function describeDatabaseError(error: unknown, url: string): string | null {
  const place = `The database at ${placeOf(parseDatabaseUrl(url))}`;
  const trouble = tlsTrouble(error);
  if (trouble !== null) {
    const remedy = NO_TLS.test(trouble)
      ? 'Leave sslmode out of DATABASE_URL, or switch TLS on at the server'
      : 'Name the certificate of its authority in DATABASE_URL (sslrootcert=/path/ca.pem), or take what any server shows (sslmode=no-verify)';
    return `${place} was reached, but ${trouble}. ${remedy}.`;
  }
  const words = wordsOf(error);
  if (NO_PASSWORD.test(words)) return `${place} asks for a password, and DATABASE_URL has none.`;
  if (NO_ANSWER.test(words)) return `${place} does not answer. Check DATABASE_URL, and whether a firewall lies between.`;
  const isOurs = isDatabaseUnavailable(error) || postgresCode(error) !== undefined || fieldOf(error, 'syscall') === 'connect';
  if (!isOurs) return null;
  return `${place} cannot be used (${words}). Check DATABASE_URL.`;
}

/** A refused connection to several addresses is an AggregateError without a message. */
export function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(wordsOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
