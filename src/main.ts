import 'reflect-metadata';
import { createRequire } from 'node:module';
import { loadConfig, type AppConfig } from './config/app-config';
import { readEnvFile } from './config/env-file';
import { hideFromLibraries } from './config/library-variables';

const SAME_SIGNAL_MS = 1_000;

/** Starts the program, or ends with code 1 and words. SIGTERM and SIGINT end it cleanly; a second one ends it at once. */
async function main(): Promise<void> {
  readEnvFile();
  const config = loadConfig(process.env);
  hideFromLibraries(process.env, config);
  const program = programOf(config);
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

interface Startable {
  start(): Promise<string>;
  stop(): Promise<boolean>;
}

/** An agent runs on small machines, so it loads nothing of the control plane. */
function programOf(config: AppConfig): Startable {
  const load = createRequire(__filename);
  if (config.ROLE === 'agent') {
    const { AgentProgram } = load('./agent-program') as typeof import('./agent-program');
    return new AgentProgram(config);
  }
  const { Program } = load('./program') as typeof import('./program');
  return new Program(config);
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
