import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from './make-folder';

describe('makeFolder', () => {
  const root = mkdtempSync(join(tmpdir(), 'fog-folder-'));
  afterAll(() => rmSync(root, { recursive: true }));

  it('makes all that are missing, once', () => {
    const path = join(root, 'a', 'b', 'c');
    expect([makeFolder(path, 0o700), makeFolder(path)]).toEqual([true, false]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('throws where no folder can be, and never goes round', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => makeFolder(join(root, 'file', 'x'))).toThrow();
    expect(() => makeFolder(join(root, 'file'))).toThrow();
    if (existsSync('/proc/self')) expect(() => makeFolder('/proc/x/y')).toThrow();
  });
});
