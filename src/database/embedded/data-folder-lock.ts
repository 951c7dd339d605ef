import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, startOf } from './process-identity';

export interface DataFolderLock {
  release: () => void;
}

/**
 * Locks a data folder for this process, or throws an Error that names the process that has it. A lock left by a killed process
 * or a reboot is taken over: the lock contains the start time of its process beside the id.
 */
export function lockDataFolder(folder: string): DataFolderLock {
  const file = lockFile(folder);
  const mine = JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid), nonce: randomBytes(8).toString('hex') });
  while (!createWith(file, mine)) {
    const holder = contentOf(file);
    if (holder === undefined) continue;
    const pid = livingHolder(holder);
    if (pid !== undefined) {
      throw new Error(`Another fog-compute (pid ${pid}) is using the data folder ${folder}. Stop it, or set DATA_DIR to another folder.`);
    }
    removeExactly(file, holder);
  }
  return {
    release: () => {
      if (contentOf(file) === mine) rmSync(file, { force: true });
    },
  };
}

/** True when the folder contains the lock of a process that no longer exists. */
export function hasStaleLock(folder: string): boolean {
  const content = contentOf(lockFile(folder));
  return content !== undefined && livingHolder(content) === undefined;
}

const lockFile = (folder: string): string => join(folder, 'fog-compute.lock');

/** Creates the file with its content in one step, so that a reader never sees half a lock. False when the file exists. */
function createWith(file: string, content: string): boolean {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, content, { mode: 0o644, flag: 'wx' });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    return createDirectly(file, content); // a file system without hard links
  } finally {
    rmSync(draft, { force: true });
  }
}

function createDirectly(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { mode: 0o644, flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock that was judged stale, but not a newer one that was written in between. */
function removeExactly(file: string, content: string): void {
  const aside = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    renameSync(file, aside);
  } catch {
    return; // another process was faster; the caller looks again
  }
  const moved = contentOf(aside);
  if (moved !== undefined && moved !== content) createWith(file, moved);
  rmSync(aside, { force: true });
}

function livingHolder(content: string): number | undefined {
  const { pid, startedAt } = parse(content);
  if (pid === undefined || !isAlive(pid)) return undefined;
  const actual = startOf(pid);
  return startedAt !== undefined && actual !== undefined && actual !== startedAt ? undefined : pid;
}

function parse(content: string): { pid?: number; startedAt?: string } {
  try {
    const { pid, startedAt } = JSON.parse(content) as Record<string, unknown>;
    return {
      ...(typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 0 && { pid }),
      ...(typeof startedAt === 'string' && { startedAt }),
    };
  } catch {
    return {};
  }
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
