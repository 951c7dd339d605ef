import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The root of the repository. */
export const ROOT = join(__dirname, '../..');

/** The text of a file, by its path from the root. */
export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const NOT_OURS = new Set(['node_modules', 'dist', 'coverage']);

/** The paths of all files below a folder, all relative to the root. Leaves out what is installed, built or hidden. */
export function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name) || entry.name.startsWith('.')) return [];
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

/** The TypeScript of the program, without tests. */
export const sources = (): string[] => filesBelow('src').filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'));

/** The text of a page between `<!-- name -->` and `<!-- /name -->`. Throws when it is missing. */
export function section(page: string, name: string): string {
  const [, text] = new RegExp(`<!-- ${name} -->([\\s\\S]*)<!-- /${name} -->`).exec(page) ?? [];
  if (text === undefined) throw new Error(`No section named ${name}`);
  return text;
}

/** The rows of the tables in a text, as cells, without the head and the line below it. */
export const tableRows = (text: string): string[][] =>
  [...text.matchAll(/^\|(?:[- ]+\|)+\n((?:\|.*\|\n?)*)/gm)].flatMap(([, body = '']) =>
    body
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      ),
  );

/** The words of a text that are in code style. */
export const namesIn = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, name = '']) => name);
