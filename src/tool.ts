import { DataSource } from 'typeorm';
import { connectPatiently } from './common/outgoing-connections';
import { readEnvFile } from './config/env-file';
import { hideFromLibraries } from './config/library-variables';
import { dataSourceOptions } from './data-source-options';
import { describeDatabaseError, wordsOf } from './database/describe-error';
import { runningDatabase } from './database/embedded/running-database';
import { refuseTransactionPooler } from './database/refuse-pooler';

const NOT_DONE = 2;

interface Tool {
  /** What it says when it cannot do its work, such as `The invariants could not be checked`. */
  readonly failure: string;
  /** As the server shows its connection. */
  readonly applicationName: string;
  /** How to call it, beside DATABASE_URL. */
  readonly usage?: string;
  /** Gives the exit code. May throw `Misused`. */
  readonly run: (dataSource: DataSource) => Promise<number>;
}

/** The tool was called in a way that it does not understand. */
export class Misused extends Error {}

/**
 * Runs a tool of the command line on the database of DATABASE_URL, or on the embedded one that runs in DATA_DIR now, and sets
 * the exit code; 2: the work could not be done, and standard error says why. `env` is the environment of the
 * process, into which `.env` is read as the program does.
 */
export async function runTool(tool: Tool, env: NodeJS.ProcessEnv): Promise<void> {
  connectPatiently();
  process.exitCode = await resultOf(tool, env);
}

async function resultOf(tool: Tool, env: NodeJS.ProcessEnv): Promise<number> {
  const { failure, applicationName, run } = tool;
  let dataSource: DataSource | undefined;
  let url: string | null = null;
  try {
    readEnvFile();
    const given = env.DATABASE_URL?.trim() || undefined;
    const dataDir = env.DATA_DIR?.trim() || '.data';
    url = given ?? runningDatabase(dataDir);
    if (url === null) throw new Misused(`no embedded database runs in ${dataDir} now`);
    hideFromLibraries(env, { ...(given === undefined ? {} : { DATABASE_URL: given }) });
    await refuseTransactionPooler(url);
    dataSource = await new DataSource(dataSourceOptions({ url, poolSize: 1, applicationName })).initialize();
    return await run(dataSource);
  } catch (error) {
    const said = error instanceof Misused ? usageOf(tool, error) : `${failure}: ${inWords(error, url)}`;
    process.stderr.write(`${said}\n`);
    return NOT_DONE;
  } finally {
    if (dataSource?.isInitialized) await dataSource.destroy();
  }
}

const usageOf = ({ usage }: Tool, { message }: Misused): string =>
  [
    'Set DATABASE_URL to the database, such as postgres://user:password@localhost:5432/fog_compute, or leave it out and set DATA_DIR to',
    'the folder of the embedded one, which must be running.',
    ...(usage === undefined ? [] : [usage]),
    `Not done: ${message}.`,
  ].join('\n');

/** Null as `url` means that not even its place is known. A wrong DATABASE_URL is its own description. */
function inWords(error: unknown, url: string | null): string {
  try {
    return (url === null ? null : describeDatabaseError(error, url)) ?? wordsOf(error);
  } catch {
    return wordsOf(error);
  }
}
