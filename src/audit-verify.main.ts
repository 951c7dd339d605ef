import 'reflect-metadata';
import { verifyChain, type ChainReport } from './audit/verify-chain';
import { Misused, runTool } from './tool';

const ANCHOR = /^[1-9]\d{0,17}:[0-9a-f]{64}$/;

/** Exit code 0: the audit log is as it was written; 1: it is not; 2: it could not be checked. */
void runTool(
  {
    failure: 'The audit log could not be checked',
    applicationName: 'fog-compute-audit',
    usage: 'AUDIT_ANCHOR may be a "position:hash" that the log showed earlier: the chain must go through it.',
    run: async (dataSource) => {
      const anchor = process.env.AUDIT_ANCHOR || undefined;
      if (anchor !== undefined && !ANCHOR.test(anchor)) throw new Misused('AUDIT_ANCHOR is no position with a hash');
      const report = await verifyChain(dataSource, anchor);
      process.stdout.write(`${wordsOf(report)}\n`);
      return report.fault ? 1 : 0;
    },
  },
  process.env,
);

function wordsOf({ fault, sealed, waiting, anchor }: ChainReport): string {
  if (fault) {
    const place = fault.position === null ? 'outside the chain' : `at position ${fault.position}`;
    const row = fault.auditId === null ? '' : ` (row ${fault.auditId})`;
    return `The audit log is broken ${place}${row}: ${fault.words}`;
  }
  return `${sealed} rows are sealed and as they were written; ${waiting} are not sealed yet. Anchor: ${anchor ?? 'none'}`;
}
