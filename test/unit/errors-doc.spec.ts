import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROBLEMS } from '../../src/common/problem/catalog';

const FILE = join(__dirname, '../../docs/errors.md');

const HEAD = `# Errors

Every error answer is a problem document (RFC 9457, \`application/problem+json\`):

| member | meaning |
|---|---|
| \`type\` | \`urn:fog-compute:problem:\` and the code |
| \`title\` | the same for every problem of this code |
| \`status\` | the HTTP status |
| \`detail\` | one sentence for people |
| \`instance\` | the path of the request, without its query |
| \`code\` | for programs; it never changes its meaning |
| \`request_id\` | also in the header \`X-Request-Id\`; the log knows the request under it |
| \`errors\` | faults of the input, at most ten: \`pointer\` (JSON pointer into the body, or the name of the parameter or header) and \`detail\` |

Some codes carry further members, such as \`deleted_at\`. \`Retry-After\` says how many seconds to wait. A 500 never shows its
cause; the log has it.

| status | code | title | what to do |
|---|---|---|---|
`;

const FOOT = `
This page is made from \`src/common/problem/catalog.ts\`: \`UPDATE_DOCS=1 npx jest test/unit/errors-doc\` writes it anew.
`;

const rendered = (): string => {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, title, advice }]) => `| ${String(status)} | \`${code}\` | ${title} | ${advice} |`,
  );
  return `${HEAD}${rows.join('\n')}\n${FOOT}`;
};

describe('docs/errors.md', () => {
  it('lists every code of the catalog', () => {
    if (process.env.UPDATE_DOCS) writeFileSync(FILE, rendered());
    expect(readFileSync(FILE, 'utf8')).toBe(rendered());
  });

  it('has the codes in the order of their status', () => {
    const statuses = Object.values(PROBLEMS).map(({ status }) => status);
    expect(statuses).toEqual([...statuses].sort((a, b) => a - b));
  });
});
