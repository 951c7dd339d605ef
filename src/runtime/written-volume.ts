import { DriverError } from './runtime-driver';

/**
 * The refusal to start what would write to a volume beside another workload that does. It passes: records let nothing start before what
 * they know has ended, so the other one is what they do not know, as after the restore of an older database, until an administrator decides.
 */
export const writtenVolume = (name: string): DriverError =>
  new DriverError(
    'timeout',
    `A container that no replica stands for still writes to the volume ${name}: see the orphans of its node, and docs/volumes.md`,
  );
