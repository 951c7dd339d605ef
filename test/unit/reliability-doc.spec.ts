import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const page = read('docs/reliability.md');

interface Bug {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly test: string;
}
const bugs = JSON.parse(read('test/seeded-bugs/bugs.json')) as Bug[];

describe('docs/reliability.md', () => {
  it('names only files that exist', () => {
    const files = [...page.matchAll(/`((?:src|test|scripts|docs)\/[A-Za-z0-9._/-]+)`/g)].map(([, name = '']) => name);
    expect(files.length).toBeGreaterThan(40);
    expect(files.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
  });

  it('says of every case what covers it, or that it is open', () => {
    const cases = [...page.matchAll(/^\| ([A-Z]-\d\d) \| ([^|]+) \| ([^|]+) \|$/gm)];
    expect(cases.length).toBeGreaterThan(80);
    const ids = cases.map(([, id]) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    const silent = cases.filter(([, , , covered = '']) => !/`(?:src|test)\/|^open\b/.test(covered));
    expect(silent.map(([, id]) => id)).toEqual([]);
  });

  it('repeats its figures with files and variables that exist', () => {
    const commands = [...page.matchAll(/`((?:[A-Z_]+=\d+ )*npx jest ([^\s`]+)[^`\n]*)`/g)];
    expect(commands.length).toBeGreaterThan(4);
    for (const [, command = '', path = ''] of commands) {
      const suffix = ['', '.fault-spec.ts', '.int-spec.ts', '.e2e-spec.ts', '.engine-spec.ts'].find((end) =>
        existsSync(join(ROOT, `${path}${end}`)),
      );
      expect([command, suffix === undefined]).toEqual([command, false]);
      for (const [, variable = ''] of command.matchAll(/([A-Z_]+)=/g)) expect(read(`${path}${suffix ?? ''}`)).toContain(variable);
    }
  });
});

describe('the seeded bugs', () => {
  it('are at least twenty, each with a name of its own', () => {
    expect(bugs.length).toBeGreaterThanOrEqual(20);
    expect(new Set(bugs.map(({ name }) => name)).size).toBe(bugs.length);
  });

  it.each(bugs.map((bug): [string, Bug] => [bug.name, bug]))(
    '%s: can still be planted, at one place, and its test exists',
    (_name, bug) => {
      expect(read(bug.file).split(bug.find)).toHaveLength(2);
      expect(bug.replace).not.toBe(bug.find);
      expect(existsSync(join(ROOT, bug.test))).toBe(true);
    },
  );
});
