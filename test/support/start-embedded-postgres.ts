import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres';

/**
 * A separate program for tests that kill it: starts the database in the folder that argv names and prints a line of JSON about
 * it.
 */
async function main(dataDir: string): Promise<void> {
  const { url, adopted } = await startEmbeddedPostgres({ dataDir });
  process.stdout.write(`${JSON.stringify({ url, adopted })}\n`);
  setInterval(() => undefined, 60_000);
}

main(process.argv[2] ?? '').catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
