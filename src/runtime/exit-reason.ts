/** How a workload ended, in words for people: `Out of memory (limit 512 MB)`, `Exited with code 1`. */
export function exitReason(exit: { code: number; outOfMemory: boolean; memoryMb: number | null }): string {
  if (exit.outOfMemory) return exit.memoryMb === null ? 'Out of memory' : `Out of memory (limit ${exit.memoryMb} MB)`;
  if (exit.code === 126) return 'Exited with code 126: the command may not be executed';
  if (exit.code === 127) return 'Exited with code 127: the command was not found in the image';
  if (exit.code === 137) return 'Killed (exit code 137)';
  if (exit.code === 143) return 'Terminated (exit code 143)';
  return `Exited with code ${exit.code}`;
}
