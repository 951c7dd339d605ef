import { lockDataFolder, type DataFolderLock } from './data-folder-lock';
import { findBinaries } from './postgres-binaries';
import { openCluster, type Cluster } from './postgres-cluster';
import { runServer, stopServer, urlOf, type RunningServer, type ServerOptions } from './postgres-server';
import { isAlive } from './process-identity';
import { openDataFolder, openServerHome } from './server-home';

export interface EmbeddedPostgres {
  /** A superuser's connection to its own database; it stays the same until `stop`. */
  readonly url: string;
  /** True when the server of an earlier run was still alive and was taken over. */
  readonly adopted: boolean;
  /** Shuts the server down, waits for that, and frees the data folder. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  dataDir: string;
  onProgress?: (message: string) => void;
  /** Server settings for tests; the defaults never lose an acknowledged write. */
  settings?: Record<string, string>;
}

const WATCH_EVERY_MS = 1_000;

/**
 * Runs PostgreSQL 18 on the data folder, on 127.0.0.1 and with a password, until `stop`. Only one process can hold a data
 * folder: for a second one, as for every failure, this throws an Error that says what to do.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const report = options.onProgress ?? (() => undefined);
  const dataDir = openDataFolder(options.dataDir);
  let lock: DataFolderLock | undefined;
  try {
    const locked = (lock = lockDataFolder(dataDir));
    const home = openServerHome(dataDir, report);
    const cluster = await openCluster(home, findBinaries(home), report);
    const server = await runServer(cluster, { ...(options.settings && { settings: options.settings }) });
    report(
      server.adopted ? `Took over the PostgreSQL that was still running (pid ${server.pid})` : `PostgreSQL is ready on port ${server.port}`,
    );
    const stop = keepRunning({ cluster, server, settings: options.settings ?? {}, report });
    let stopping: Promise<void> | undefined;
    return {
      url: urlOf(cluster, server),
      adopted: server.adopted,
      stop: () => (stopping ??= stop().finally(locked.release)),
    };
  } catch (error) {
    lock?.release();
    throw inWords(error, dataDir);
  }
}

/** Adds to an error of the file system where it happened and what to do. */
function inWords(error: unknown, dataDir: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  return new Error(`The data folder ${dataDir} cannot be used: ${error.message}. Put that right, or set DATA_DIR to another folder.`, {
    cause: error,
  });
}

/** Starts the server again, on the same port, when it dies. The returned function ends that and stops the server. */
function keepRunning(watched: {
  cluster: Cluster;
  server: RunningServer;
  settings: Record<string, string>;
  report: (message: string) => void;
}): () => Promise<void> {
  const { cluster, report, settings } = watched;
  let server = watched.server;
  let restarting: Promise<void> | undefined;

  const restart = async (): Promise<void> => {
    report(`PostgreSQL (pid ${server.pid}) ended; starting it again`);
    const options: ServerOptions = { settings, port: server.port };
    await runServer(cluster, options).then(
      (next) => {
        server = next;
        report(`PostgreSQL is ready on port ${next.port}`);
      },
      (error: unknown) => {
        report(error instanceof Error ? error.message : String(error));
      },
    );
    restarting = undefined;
  };
  const timer = setInterval(() => {
    if (restarting === undefined && !isAlive(server.pid)) restarting = restart();
  }, WATCH_EVERY_MS).unref();

  return async () => {
    clearInterval(timer);
    await restarting;
    await stopServer(cluster, server);
  };
}
