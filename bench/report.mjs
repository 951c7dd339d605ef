import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem, platform, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { generators } from './load.mjs';

const DOC = fileURLToPath(new URL('../docs/performance.md', import.meta.url));

const HEAD = `# Performance

Measured by \`npm run bench\`; the tables are written by it, the words between them by people.
`;

/** A Markdown table; the first row names the columns. */
export function table([head, ...rows]) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (row) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(' | ')} |`;
  return [
    line(head),
    `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`,
    ...rows.map(line),
  ].join('\n');
}

export const number = (value, digits = 0) => (value === null || value === undefined || Number.isNaN(value) ? '' : value.toFixed(digits));

export const verdict = (isMet) => (isMet ? '✔' : '✘');

export function machine({ database, pgbench }) {
  const [cpu] = cpus();
  return [
    `${cpus().length} x ${cpu?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB, ${platform()} ${release()}`,
    `Node.js ${process.version}`,
    ...(database ? [/^PostgreSQL \S+/.exec(database.version)?.[0] ?? database.version] : []),
    ...(pgbench ? [pgbench.version, generators] : []),
  ].join('; ');
}

/** Replaces the section of the document that this command wrote last time. Everything else stays. */
export function writeSection(name, text) {
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const doc = existsSync(DOC) ? readFileSync(DOC, 'utf8') : HEAD;
  const section = `${open}\n${text.trim()}\n${close}`;
  const [start, end] = [doc.indexOf(open), doc.indexOf(close)];
  const written = start < 0 || end < 0 ? `${doc.trimEnd()}\n\n${section}\n` : doc.slice(0, start) + section + doc.slice(end + close.length);
  writeFileSync(DOC, written);
}

export function requestTable(rows) {
  const head = [
    'request',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'service µs',
    'PostgreSQL µs',
    'RSS MB',
    'settled s',
    'pgbench tps',
    'pgbench µs',
    'ratio',
    'target',
    '',
  ];
  return table([
    head,
    ...rows.map((row) => [
      row.role === 'api' ? `${row.name} (ROLE=api)` : row.name,
      number(row.perSecond),
      number(row.p50, 1),
      number(row.p99, 1),
      number(row.serviceUs),
      number(row.postgresUs),
      number(row.rssMb),
      number(row.settledAfter || null, 1),
      number(row.tps),
      number(row.baselineUs),
      number(row.ratio, 2),
      row.target === null ? '' : `≥ ${row.target.toFixed(2)}`,
      row.target === null || row.ratio === null ? '' : verdict(row.ratio >= row.target),
    ]),
  ]);
}
