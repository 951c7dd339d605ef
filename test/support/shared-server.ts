import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasStaleLock } from '../../src/database/embedded/data-folder-lock';
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres';

const PREFIX = 'fog-compute-test-';
/** Fast instead of durable, because these databases do not outlive the run. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '500' };

const shared = globalThis as typeof globalThis & { stopTestServer?: () => Promise<void> };

/** Starts the one PostgreSQL of a Jest run, unless TEST_DATABASE_URL names a server. Jest calls it once per project. */
export async function startSharedServer(): Promise<void> {
  if (process.env.TEST_DATABASE_URL) return;
  await removeLeftovers();
  const dataDir = mkdtempSync(join(tmpdir(), PREFIX));
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

/** A run that was killed leaves its server behind; this takes the server over and stops it. */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const dataDir = join(tmpdir(), name);
    try {
      if (!hasStaleLock(dataDir)) continue;
      await (await startEmbeddedPostgres({ dataDir, settings: FAST })).stop();
      rmSync(dataDir, { recursive: true, force: true });
    } catch {
      // It belongs to another user, or another run is stopping it.
    }
  }
}
