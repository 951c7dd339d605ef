import { execFileSync } from 'node:child_process';

describe('times without an offset', () => {
  // Those of the audit log were once taken for the zone of the machine, and so was a year with a sign everywhere.
  it('are UTC, whatever zone the machine is in', () => {
    const program = `const { readListQuery } = require('./src/deployments/views/list-query');
      const { readAuditQuery } = require('./src/admin/audit-query');
      const { readBulkDelete } = require('./src/operations/bulk-request');
      const refused = (text) => { try { return readAuditQuery({ after: text }).filters.after; } catch { return 'refused'; } };
      const time = '2026-01-31T12:00:00.5';
      const ada = { userId: 'ada' };
      console.log(
        readListQuery({ created_after: time }, ada).createdAfter, readAuditQuery({ after: time }).filters.after,
        readBulkDelete({ filter: { created_before: time } }, ada, { graceSeconds: 10 }).selection.filter.createdBefore,
        refused('-2026-01-31'), new Date(time).toISOString());`;
    const inNepal = { ...process.env, TZ: 'Asia/Kathmandu' };
    const words = execFileSync(process.execPath, ['-r', '@swc-node/register', '-e', program], { env: inNepal, encoding: 'utf8' });
    const utc = '2026-01-31T12:00:00.500Z';
    expect(words.trim().split(/\s+/)).toEqual([utc, utc, utc, 'refused', '2026-01-31T06:15:00.500Z']);
  });
});
