import { createServer } from 'node:net';
import type { AppConfig } from './config/app-config';
import { isDatabaseUnavailable, postgresCode } from './database/postgres-error';

/**
 * Rejects when the port is in use, before anything has started. If the start failed later, it could have made an
 * administrator whose password was never shown.
 */
export function refusePortInUse({ PORT, HOST }: AppConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ port: PORT, host: HOST }, () => probe.close(() => resolve()));
  });
}

/** Describes an error in one or two sentences instead of a stack. Our own errors are already in words. */
export function describeStartError(error: unknown, { PORT, HOST, DATABASE_URL }: AppConfig): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  const isListening = error instanceof Error && Reflect.get(error, 'syscall') === 'listen';
  if (isListening && code === 'EADDRINUSE')
    return `Port ${String(PORT)} on ${HOST} is in use. Stop what uses it, or set PORT to another one.`;
  if (isListening) return `It cannot listen on ${HOST}:${String(PORT)} (${String(code)}). Set HOST and PORT to an address of this machine.`;
  const isDatabase = isDatabaseUnavailable(error) || postgresCode(error) !== undefined;
  if (isDatabase && DATABASE_URL !== undefined) {
    const { hostname, port, pathname } = new URL(DATABASE_URL);
    return `The database at ${hostname}:${port === '' ? '5432' : port}${pathname} cannot be used (${wordsOf(error)}). Check DATABASE_URL.`;
  }
  return wordsOf(error);
}

/** A refused connection to several addresses is an AggregateError without a message. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(wordsOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
