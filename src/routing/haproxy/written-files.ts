import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { fieldOf } from '../../common/field-of';

/** Files that another program reads: each is replaced at once, and only when it changes. */
export class WrittenFiles {
  private readonly written = new Map<string, string>();

  async write(files: ReadonlyMap<string, string>): Promise<void> {
    for (const [path, text] of files) {
      if (this.written.get(path) === text) continue;
      const half = `${path}.${randomUUID()}.new`;
      await writeFile(half, text, { mode: 0o640 });
      await rename(half, path);
      this.written.set(path, text);
    }
  }
}

/** The name that all processes with this folder have in common. The first one makes it, and the folder. */
export async function nameOfFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o750 });
  const path = `${folder}/installation`;
  const half = `${path}.${randomUUID()}.new`;
  await writeFile(half, randomUUID());
  await link(half, path).catch((error: unknown) => {
    if (fieldOf(error, 'code') !== 'EEXIST') throw error;
  });
  await unlink(half);
  return await readFile(path, 'utf8');
}
