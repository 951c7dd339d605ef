import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { verifyChain, type ChainReport } from './audit/verify-chain';
import { dataSourceOptions } from './data-source-options';

const USAGE = `Set DATABASE_URL to the database to check, such as postgres://user:password@localhost:5432/fog_compute.
AUDIT_ANCHOR may be a "position:hash" that the log showed earlier: the chain must go through it.`;
const ANCHOR = /^[1-9]\d{0,17}:[0-9a-f]{64}$/;

/** Exit code 0: the audit log is as it was written; 1: it is not; 2: it could not be checked. */
async function main(url: string | undefined, anchor: string | undefined): Promise<number> {
  if (!url || (anchor !== undefined && !ANCHOR.test(anchor))) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const dataSource = new DataSource(dataSourceOptions({ url, poolSize: 1, applicationName: 'fog-compute-audit' }));
  try {
    await dataSource.initialize();
    const report = await verifyChain(dataSource, anchor);
    process.stdout.write(`${wordsOf(report)}\n`);
    return report.fault ? 1 : 0;
  } catch (error) {
    process.stderr.write(`The audit log could not be checked: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
  }
}

function wordsOf({ fault, sealed, waiting, anchor }: ChainReport): string {
  if (fault) {
    const place = fault.position === null ? 'outside the chain' : `at position ${fault.position}`;
    const row = fault.auditId === null ? '' : ` (row ${fault.auditId})`;
    return `The audit log is broken ${place}${row}: ${fault.words}`;
  }
  return `${sealed} rows are sealed and as they were written; ${waiting} are not sealed yet. Anchor: ${anchor ?? 'none'}`;
}

void main(process.env.DATABASE_URL, process.env.AUDIT_ANCHOR || undefined).then((code) => {
  process.exitCode = code;
});
