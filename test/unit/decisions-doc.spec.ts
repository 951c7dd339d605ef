import { filesBelow, namesIn, read, section, sources, tableRows } from '../support/documents';

const page = read('docs/decisions.md');

interface Package {
  readonly dependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

describe('docs/decisions.md', () => {
  const records = page.split(/^### /m).slice(1);

  it('numbers its records, from the first to the last', () => {
    expect(records.length).toBeGreaterThan(20);
    expect(records.map((record) => Number.parseInt(record, 10))).toEqual(records.map((_record, index) => index + 1));
  });

  it('says in every record what was decided, why, and what was measured', () => {
    const parts = (record: string): string[] => [...record.matchAll(/^- \*\*(\w+):\*\*/gm)].map(([, part = '']) => part);
    for (const record of records)
      expect([record.split('\n')[0], parts(record)]).toEqual([record.split('\n')[0], ['Decision', 'Reason', 'Measured']]);
  });

  it('lists words that were replaced, and nothing uses them any more', () => {
    const replaced = tableRows(section(page, 'words')).flatMap(([before = '']) => namesIn(before).filter((word) => /^\w+$/.test(word)));
    expect(replaced.length).toBeGreaterThan(4);
    const documents = filesBelow('').filter((path) => path.endsWith('.md') && path !== 'docs/decisions.md');
    const used = [...documents, ...sources().filter((path) => !path.startsWith('src/database/migrations/'))].flatMap((path) => {
      const text = read(path);
      return replaced.filter((word) => new RegExp(`\\b${word}\\b`).test(text)).map((word) => `${path}: ${word}`);
    });
    expect(used).toEqual([]);
  });

  it('says of every package why it is there, and of no other', () => {
    const manifest = JSON.parse(read('package.json')) as Package;
    const packages = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies });
    const rows = tableRows(section(page, 'packages'));
    expect(rows.flatMap(([names = '']) => namesIn(names)).sort()).toEqual(packages.sort());
    expect(rows.filter(([, reason = '']) => reason.length < 4)).toEqual([]);
  });
});
