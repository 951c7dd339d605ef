import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { filesBelow, namesIn, read, ROOT, sources } from '../support/documents';

const PAGES = filesBelow('').filter((path) => path.endsWith('.md'));
/** Standards that readers need beside the documents. */
const STANDARDS = ['https://www.standardwebhooks.com'];

const manifest = JSON.parse(read('package.json')) as { readonly scripts: Record<string, string> };

/** The first cells of a page's tables that are names in code style. */
const namesInTables = (page: string): string[] => [...page.matchAll(/^\| ((?:`[^`|]+` ?)+)\|/gm)].flatMap(([, cell = '']) => namesIn(cell));

const linksOf = (path: string): string[] => [...read(path).matchAll(/\]\(([^)#\s]+)/g)].map(([, link = '']) => link);
const isWebAddress = (link: string): boolean => /^[a-z]+:/.test(link);
/** A path from the root, whichever page names it. */
const fromRoot = (page: string, link: string): string => relative(ROOT, join(ROOT, dirname(page), link));
const exists = (path: string): boolean => existsSync(join(ROOT, path));

describe('the documents', () => {
  it('are found, wherever they are', () => {
    expect(PAGES).toEqual(expect.arrayContaining(['README.md', 'docs/decisions.md', 'src/database/migrations/README.md']));
  });

  it.each(PAGES)('%s links only to files that exist', (path) => {
    const links = linksOf(path).filter((link) => !isWebAddress(link));
    expect(links.filter((link) => !exists(fromRoot(path, link)))).toEqual([]);
  });

  it.each(PAGES)('%s refers to nothing outside of the repository', (path) => {
    const links = linksOf(path);
    expect(links.filter((link) => isWebAddress(link) && !STANDARDS.includes(link))).toEqual([]);
    expect(links.filter((link) => !isWebAddress(link) && fromRoot(path, link).startsWith('..'))).toEqual([]);
    const page = read(path);
    const pages = [...page.matchAll(/(?<![\w<>*…/.-])[\w./-]+\.md\b/g)].map(([name]) => name);
    expect(pages.filter((name) => !exists(name) && !exists(fromRoot(path, name)))).toEqual([]);
    expect([...page.matchAll(/(?<![\w.:/$])\/(?:work|tmp|home|root|mnt|Users)\b[^\s`)]*/g)].map(([name]) => name)).toEqual([]);
  });

  it.each(PAGES)('%s names only files, folders and commands that exist', (path) => {
    const page = read(path);
    const files = namesIn(page).filter((name) => /^(?:src|test|scripts|docs|bench|deploy|\.ci)\/[A-Za-z0-9._/-]*$/.test(name));
    expect(files.filter((name) => !exists(name))).toEqual([]);
    const scripts = [...page.matchAll(/npm run ([a-z:-]+)/g)].map(([, name = '']) => name);
    expect(scripts.filter((name) => !(name in manifest.scripts))).toEqual([]);
    const tests = [...page.matchAll(/npx jest ([a-z][\w/.-]*)/g)].map(([, name = '']) => name);
    const all = filesBelow('');
    expect(tests.filter((name) => !all.some((file) => file.startsWith(name)))).toEqual([]);
  });

  it.each(PAGES)('%s calls nobody "he"', (path) => {
    expect([...read(path).matchAll(/(?<!")\b(?:he|him|his|himself)\b/gi)].map(([word]) => word)).toEqual([]);
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
    const declared = sources().flatMap((path) => [...read(path).matchAll(/name: '(fog_[a-z_]+)'/g)].map(([, name = '']) => name));
    const listed = namesInTables(read('docs/operations.md')).filter((name) => name.startsWith('fog_'));
    expect(listed.sort()).toEqual([...new Set(declared)].sort());
  });
});
