import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDataDir } from './process-under-test';

export interface SmallDisk {
  readonly path: string;
  readonly unmount: () => void;
}

/** Mounts a disk of so many kilobytes, or says why that is impossible: only root on Linux can. */
export function mountSmallDisk(kilobytes: number): SmallDisk | string {
  const folder = temporaryDataDir();
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k,mode=755`, 'tmpfs', folder.path], {
    encoding: 'utf8',
  });
  if (status !== 0) {
    folder.remove();
    return (stderr ?? '').trim() || 'there is no program "mount"';
  }
  const unmount = (): void => {
    spawnSync('umount', ['--lazy', folder.path]);
    folder.remove();
  };
  return { path: folder.path, unmount };
}

/** Takes all the room that is left and returns the function that gives it back. */
export function fill(folder: string): () => void {
  const file = join(folder, 'filler');
  const handle = openSync(file, 'w');
  for (let size = 1_048_576; size >= 1; size = Math.floor(size / 2)) {
    const piece = Buffer.alloc(size);
    try {
      for (;;) writeSync(handle, piece);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  closeSync(handle);
  return () => rmSync(file);
}
