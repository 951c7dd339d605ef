const CODES: Readonly<Record<number, string>> = {
  126: 'Exited with code 126: the command may not be executed',
  127: 'Exited with code 127: the command was not found in the image',
  137: 'Killed (exit code 137)',
  143: 'Terminated (exit code 143)',
  // The engine writes this code for what ran when its machine or the engine itself went down.
  255: 'Exited with code 255: it ended so by itself, or its machine or engine was restarted',
};
const KILLED = 137;
/** Shells and engines write 128 and the number of the signal that ended a process. These are the faults of a program itself. */
const CRASHES: Readonly<Record<number, string>> = {
  4: 'SIGILL',
  5: 'SIGTRAP',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  11: 'SIGSEGV',
  31: 'SIGSYS',
};
const BY_SIGNAL = 128;

/**
 * How a workload ended, in words for people: `Out of memory (limit 512 MB)`, `Exited with code 1`. `outOfMemory` says only that
 * some process of it once ran out of memory, so it is the cause if the workload was killed, and else it is told beside the cause.
 */
export function exitReason(exit: { code: number; outOfMemory: boolean; memoryMb: number | null }): string {
  const limit = exit.memoryMb === null ? '' : ` (limit ${exit.memoryMb} MB)`;
  if (exit.outOfMemory && exit.code === KILLED) return `Out of memory${limit}`;
  const reason = CODES[exit.code] ?? crashed(exit.code) ?? `Exited with code ${exit.code}`;
  return exit.outOfMemory ? `${reason}; before that a process in it had run out of memory${limit}` : reason;
}

function crashed(code: number): string | undefined {
  const signal = CRASHES[code - BY_SIGNAL];
  return signal === undefined ? undefined : `Crashed with ${signal} (exit code ${code})`;
}
