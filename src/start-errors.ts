import { createServer } from 'node:net';
import type { AppConfig } from './config/app-config';
import { fieldOf } from './common/field-of';
import { describeDatabaseError, wordsOf } from './database/describe-error';

/**
 * Rejects in words when nobody can listen there, before anything has started. If the start failed later, it could have made an
 * administrator whose password was never shown.
 */
export async function refusePortInUse(config: AppConfig): Promise<void> {
  await listening(
    config,
    () =>
      new Promise<void>((resolve, reject) => {
        const probe = createServer();
        probe.once('error', reject);
        probe.listen({ port: config.PORT, host: config.HOST }, () => probe.close(() => resolve()));
      }),
  );
}

/** What `listen` gives. Rejects with the setting to change when it cannot: the error alone could as well be about the database. */
export async function listening<T>({ PORT, HOST }: AppConfig, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    throw new CannotListen(listenWords(fieldOf(error, 'code'), { PORT, HOST }), { cause: error });
  }
}

/** Its cause looks like that of a database that cannot be reached. */
class CannotListen extends Error {}

function listenWords(code: unknown, { PORT, HOST }: Pick<AppConfig, 'PORT' | 'HOST'>): string {
  if (code === 'EADDRINUSE') return `Port ${String(PORT)} on ${HOST} is in use. Stop what uses it, or set PORT to another one.`;
  return `It cannot listen on ${HOST}:${String(PORT)} (${String(code)}). Set HOST and PORT to an address of this machine.`;
}

/** Describes an error in one or two sentences instead of a stack. Our own errors are already in words. */
export function describeStartError(error: unknown, { DATABASE_URL }: Pick<AppConfig, 'DATABASE_URL'>): string {
  const ofDatabase = DATABASE_URL === undefined || error instanceof CannotListen ? null : describeDatabaseError(error, DATABASE_URL);
  return ofDatabase ?? wordsOf(error);
}
