import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'docs/api.md',
  'docs/events.md',
  'docs/operations.md',
  'docs/audit.md',
  'docs/retention.md',
  'src/database/migrations/README.md',
];

interface Package {
  readonly scripts: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}
const manifest = JSON.parse(read('package.json')) as Package;

/** The first cells of a page's tables that are names in code style. */
const namesInTables = (page: string): string[] =>
  [...page.matchAll(/^\| ((?:`[^`|]+` ?)+)\|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));

function sourceFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? sourceFiles(path) : [path];
  });
}

describe('the documents', () => {
  it.each(PAGES)('%s links only to files that exist', (path) => {
    const links = [...read(path).matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, link = '']) => join(dirname(path), link));
    expect(links.filter((link) => !existsSync(join(ROOT, link)))).toEqual([]);
  });

  it.each(PAGES)('%s names only files, folders and commands that exist', (path) => {
    const page = read(path);
    const files = [...page.matchAll(/`((?:src|test|scripts|docs)\/[A-Za-z0-9._/-]*)`/g)].map(([, name = '']) => name);
    expect(files.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
    const scripts = [...page.matchAll(/npm run ([a-z:-]+)/g)].map(([, name = '']) => name);
    expect(scripts.filter((name) => !(name in manifest.scripts))).toEqual([]);
  });

  it('README shows the two commands, and both exist', () => {
    for (const command of ['npm ci && npm start', 'npm ci && npm test']) expect(read('README.md').split('\n')).toContain(command);
    expect(manifest.scripts).toMatchObject({ start: expect.any(String), test: expect.any(String) });
  });

  it('README lists the failures that the simulated runtime knows', () => {
    const known = [...read('src/runtime/simulated/simulated-behaviour.ts').matchAll(/^ \* \| `simulated\/([a-z]+):\*`/gm)].map(
      ([, name = '']) => name,
    );
    const listed = namesInTables(read('README.md')).flatMap((name) => /^simulated\/([a-z]+):1$/.exec(name)?.[1] ?? []);
    expect(known.length).toBeGreaterThan(5);
    expect(listed).toEqual(known);
  });

  it('docs/operations.md has every configuration variable with its default', () => {
    const lines = [...read('.env.example').matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]);
    const rows = [...read('docs/operations.md').matchAll(/^\| `([A-Z_]+)` \| (?:`([^`]*)`)? ?\|/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]);
    expect(rows).toEqual(expect.arrayContaining(lines));
    expect(rows).toHaveLength(lines.length);
  });

  it('docs/operations.md lists every metric and no other', () => {
    const sources = sourceFiles('src').filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'));
    const declared = sources.flatMap((path) => [...read(path).matchAll(/name: '(fog_[a-z_]+)'/g)].map(([, name = '']) => name));
    const listed = namesInTables(read('docs/operations.md')).filter((name) => name.startsWith('fog_'));
    expect(listed.sort()).toEqual([...new Set(declared)].sort());
  });

  it('ARCHITECTURE.md shows the layers that lint enforces', () => {
    const rows = /<!-- layers -->([\s\S]*)<!-- \/layers -->/.exec(read('ARCHITECTURE.md'))?.[1]?.match(/^\| \d.*$/gm) ?? [];
    const shown = rows.map((row) => [...(row.split('|')[2] ?? '').matchAll(/`([^`]+)`/g)].map(([, room = '']) => room));
    const table = /const LAYERS = \[\n([\s\S]*?)\n\];/.exec(read('eslint.config.mjs'))?.[1] ?? '';
    const enforced = table.split('\n').map((row) => [...row.matchAll(/'([^']+)'/g)].map(([, room = '']) => room));
    expect(shown).toEqual(enforced);
    const rooms = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
    expect(enforced.flat().sort()).toEqual(rooms.sort());
  });

  it('ARCHITECTURE.md says of every package why it is there', () => {
    const explained = namesInTables(read('ARCHITECTURE.md'));
    const packages = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies });
    expect(packages.filter((name) => !explained.includes(name))).toEqual([]);
    const others = explained.filter((name) => /^@|^[a-z-]+$/.test(name) && !packages.includes(name));
    expect(others.filter((name) => !existsSync(join(ROOT, 'src', name)))).toEqual([]);
  });
});
