import { accessSync, chmodSync, constants, existsSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { hasStaleLock } from '../../src/database/embedded/data-folder-lock';
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres';

const PREFIX = 'fog-compute-test-';
/** Fast instead of durable, because these databases do not outlive the run. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '500' };

/** Files here are in memory. */
const MEMORY_FOLDER = '/dev/shm';
/** Four times what the databases and the log of a whole run take at most. */
const ROOM_BYTES = 2 ** 30;

const shared = globalThis as typeof globalThis & { stopTestServer?: () => Promise<void> };

/** Starts the one PostgreSQL of a Jest run, unless TEST_DATABASE_URL names a server. Jest calls it once per project. */
export async function startSharedServer(): Promise<void> {
  if (process.env.TEST_DATABASE_URL) return;
  await removeLeftovers();
  const dataDir = mkdtempSync(join(hasRoomInMemory() ? MEMORY_FOLDER : tmpdir(), PREFIX));
  chmodSync(dataDir, 0o755); // as root, PostgreSQL runs as another account
  const server = await startEmbeddedPostgres({ dataDir, settings: FAST });
  process.env.TEST_DATABASE_URL = server.url;
  shared.stopTestServer = async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
}

export async function stopSharedServer(): Promise<void> {
  const stop = shared.stopTestServer;
  if (!stop) return;
  delete shared.stopTestServer;
  delete process.env.TEST_DATABASE_URL;
  await stop();
}

/**
 * A database is a thousand small files, made and removed for every test file. A disk's file system may take half a second of processor time
 * for that, as ext4 without a journal does; in memory it is a hundredth of a second.
 */
function hasRoomInMemory(): boolean {
  try {
    accessSync(MEMORY_FOLDER, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
    return Math.min(bavail * bsize, freemem()) >= ROOM_BYTES;
  } catch {
    return false; // such as on macOS
  }
}

/** A run that was killed leaves its server behind; this takes the server over and stops it. */
async function removeLeftovers(): Promise<void> {
  const folders = [tmpdir(), MEMORY_FOLDER].filter((folder) => existsSync(folder));
  const left = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  for (const dataDir of left.filter((path) => basename(path).startsWith(PREFIX))) {
    try {
      if (!hasStaleLock(dataDir)) continue;
      await (await startEmbeddedPostgres({ dataDir, settings: FAST })).stop();
      rmSync(dataDir, { recursive: true, force: true });
    } catch {
      // It belongs to another user, or another run is stopping it.
    }
  }
}
