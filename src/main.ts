import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { loadConfig } from './config/app-config';
import { Program } from './program';

const SAME_SIGNAL_MS = 1_000;

/** Starts the program, or ends with code 1 and words. SIGTERM and SIGINT end it cleanly; a second one ends it at once. */
async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const program = new Program(loadConfig(process.env));
  let stopping: number | undefined;
  const stop = (): void => {
    // npm passes on the Ctrl-C that the terminal has sent us already, so a second signal at once is the same request
    // to stop.
    if (stopping !== undefined && performance.now() - stopping < SAME_SIGNAL_MS) return;
    if (stopping !== undefined) process.exit(1);
    stopping = performance.now();
    void program.stop().then((clean) => process.exit(clean ? 0 : 1));
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  process.stdout.write(await program.start());
}

/** After an error that was not handled the state of the process is unknown, so it ends, to be started again. */
function die(error: unknown): void {
  process.stderr.write(
    `fog-compute ended by an error that nobody handled: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
}

// Output may fail when the disk is full or the reader is gone. The program goes on without it.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
process.on('unhandledRejection', die).on('uncaughtException', die);
main().catch((error: unknown) => {
  process.stderr.write(`fog-compute could not start. ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
