import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source-options';
import { checkInvariants } from './invariants/check-invariants';
import { report } from './invariants/report';

/** Longer than a teardown with its first retries takes. */
const DEFAULT_GRACE_SECONDS = 120;

const USAGE = `Set DATABASE_URL to the database to check, such as postgres://user:password@localhost:5432/fog_compute.
GRACE_SECONDS (default ${DEFAULT_GRACE_SECONDS}) is how long the background may take for what it has to finish.`;

/** Exit code 0: all hold; 1: some do not; 2: they could not be checked. */
async function main(url: string | undefined, grace: string | undefined): Promise<number> {
  const graceSeconds = Number(grace ?? DEFAULT_GRACE_SECONDS);
  if (!url || !Number.isFinite(graceSeconds) || graceSeconds < 0) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const dataSource = new DataSource(dataSourceOptions({ url, poolSize: 1, applicationName: 'fog-compute-invariants' }));
  try {
    await dataSource.initialize();
    const violations = await checkInvariants(dataSource, { graceSeconds });
    process.stdout.write(`${report(violations).join('\n')}\n`);
    return violations.length === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`The invariants could not be checked: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
  }
}

void main(process.env.DATABASE_URL, process.env.GRACE_SECONDS).then((code) => {
  process.exitCode = code;
});
