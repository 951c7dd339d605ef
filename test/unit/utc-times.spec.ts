import { execFileSync } from 'node:child_process';

describe('times without an offset', () => {
  it('are UTC, whatever zone the machine is in', () => {
    const program = `const { readListQuery } = require('./src/deployments/views/list-query');
      const { createdAfter } = readListQuery({ created_after: '2026-01-31T12:00:00.5' }, { userId: 'ada' });
      console.log(createdAfter, new Date('2026-01-31T12:00:00.5').toISOString());`;
    const inNepal = { ...process.env, TZ: 'Asia/Kathmandu' };
    const words = execFileSync(process.execPath, ['-r', '@swc-node/register', '-e', program], { env: inNepal, encoding: 'utf8' });
    expect(words.trim().split(' ')).toEqual(['2026-01-31T12:00:00.500Z', '2026-01-31T06:15:00.500Z']);
  });
});
