import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';

/** True while a process with this id exists. A zombie, which has ended and waits for its parent, does not count. */
export function isAlive(pid: number): boolean {
  return isTaken(pid) && !['Z', 'X'].includes(statFields(pid)?.[0] ?? '');
}

/** True while the operating system cannot reuse this id; a zombie counts. */
export function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * A text that differs between this process and a later one with the same id, also after a reboot. Undefined when the process
 * has ended or the platform cannot tell.
 */
export function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') {
    const ticksSinceBoot = statFields(pid)?.[19];
    return ticksSinceBoot === undefined ? undefined : `${bootId()}:${ticksSinceBoot}`;
  }
  return ps(pid, 'lstart=');
}

/** True when the process is a PostgreSQL server on `folder`, which is its working directory then. */
export function isPostgresIn(pid: number, folder: string): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform === 'win32') return true; // nothing to ask without further tools; the connection decides
  const command = process.platform === 'linux' ? read(`/proc/${pid}/cmdline`) : ps(pid, 'command=');
  if (command === undefined || !command.includes('postgres')) return false;
  return command.includes(folder) || isSameFolder(`/proc/${pid}/cwd`, folder);
}

/** The fields of /proc/<pid>/stat from the state on. The name before them may contain spaces and brackets. */
function statFields(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function bootId(): string {
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

function isSameFolder(one: string, other: string): boolean {
  try {
    const [a, b] = [statSync(one), statSync(other)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}

function ps(pid: number, column: string): string | undefined {
  if (process.platform === 'win32') return undefined;
  try {
    const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }; // so that every caller gets the same text
    return execFileSync('ps', ['-ww', '-o', column, '-p', String(pid)], {
      encoding: 'utf8',
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
