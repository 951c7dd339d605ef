import { readdirSync, readFileSync } from 'node:fs';

const TICK_US = 10_000; // CLK_TCK is 100 on Linux

/** Fields of /proc/<pid>/stat after the name, which may contain spaces. */
function stat(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return { parent: fields[1], own: (fields[11] + fields[12]) * TICK_US, ended: (fields[13] + fields[14]) * TICK_US };
}

/** Processor time of one process with all its threads, in microseconds. */
export const cpuOf = (pid) => stat(pid).own;

export const parentOf = (pid) => stat(pid).parent;

/** Processor time of a process, its children, and those children that have ended. */
export function cpuOfFamily(pid) {
  const root = stat(pid);
  let sum = root.own + root.ended;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const child = stat(name);
      if (child.parent === pid) sum += child.own;
    } catch {
      // It has ended meanwhile. The next reading of its parent includes its time.
    }
  }
  return sum;
}

export function rssMbOf(pid) {
  const [, kb = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1024;
}
