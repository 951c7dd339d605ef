/**
 * The processor time that this process, the application in it included, has used so far, in milliseconds. Unlike the time on the wall, it
 * does not grow while other programs have the processor.
 */
export function cpuTimeMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
