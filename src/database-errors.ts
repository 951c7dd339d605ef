import type { DatabaseErrorReader } from './common/problem/to-problem';
import { isDatabaseUnavailable, postgresCode } from './database/postgres-error';

/** NUL in text, a number out of range, text where another type is expected, a character that the encoding does not have. */
const BAD_VALUES: readonly (string | undefined)[] = ['22021', '22003', '22P02', '22P05'];

/** What a database error means to the caller of the API. */
export const readDatabaseError: DatabaseErrorReader = (error) => {
  if (isDatabaseUnavailable(error)) return 'unavailable';
  const code = postgresCode(error);
  if (code === '23505') return 'duplicate';
  return BAD_VALUES.includes(code) ? 'bad_value' : undefined;
};
