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
/** How many characters may wait to be written, such as when the disk is full. Later lines are dropped. */
const MAX_UNWRITTEN = 1_000_000;

/** One line for each message; only the stack of an error takes more. */
export const FOR_TERMINALS = {
  colorize: true,
  singleLine: true,
  translateTime: 'SYS:HH:MM:ss',
  messageFormat: '{if context}{context}: {end}{msg}',
  ignore: 'pid,hostname,context',
  sync: true,
} as const;

/** The part of an error that may be logged. Database errors hold parameters and rows of the statement, which may be secrets. */
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

/** The logger of the process: JSON lines, or coloured text when `tty` says that the output is a terminal. */
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
  if (output.tty) return pino(options, pretty(FOR_TERMINALS));
  return pino(options, standardOutput());
}

/**
 * Standard output as a log. When it cannot be written to, because the disk is full or the reader is gone, lines are
 * lost but the program goes on.
 */
function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, maxLength: MAX_UNWRITTEN });
  output.on('error', () => undefined);
  return output;
}
