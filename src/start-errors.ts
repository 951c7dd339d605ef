import { createServer } from 'node:net';
import type { AppConfig } from './config/app-config';
import { describeDatabaseError, wordsOf } from './database/describe-error';

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
  const ofDatabase = DATABASE_URL === undefined ? null : describeDatabaseError(error, DATABASE_URL);
  return ofDatabase ?? wordsOf(error);
}
