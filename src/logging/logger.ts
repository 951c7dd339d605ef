import pino, { type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { AppConfig } from '../config/app-config';

interface SafeError {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly cause?: SafeError;
}

const MAX_CAUSES = 3;
/** Characters that wait for room on the disk; later lines are dropped. */
const MAX_UNWRITTEN = 1_000_000;

/** What of an error may be logged. Database errors carry the statement's parameters and rows, which may be secrets. */
function safeError(error: unknown, causes = MAX_CAUSES): SafeError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const code: unknown = Reflect.get(error, 'code');
  return {
    type: error.name,
    message: error.message,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.cause instanceof Error && causes > 0 ? { cause: safeError(error.cause, causes - 1) } : {}),
  };
}

/** The process's logger: JSON lines, or coloured text when `tty` says that a person reads along. */
export function createLogger(config: Pick<AppConfig, 'LOG_LEVEL'>, output: { tty: boolean; stream?: DestinationStream }): Logger {
  const options = {
    level: config.LOG_LEVEL,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
    serializers: { err: (error: unknown) => safeError(error) },
    redact: {
      paths: ['authorization', 'cookie', 'password', 'token', '*.authorization', '*.cookie', '*.password', '*.token'],
      censor: '[hidden]',
    },
  };
  if (output.stream) return pino(options, output.stream);
  if (output.tty) return pino(options, pretty({ colorize: true, translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname', sync: true }));
  return pino(options, standardOutput());
}

/** A log that cannot be written, because its disk is full or its reader has gone, loses lines and must not end the program. */
function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, maxLength: MAX_UNWRITTEN });
  output.on('error', () => undefined);
  return output;
}
