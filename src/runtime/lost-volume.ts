import { DriverError } from './runtime-driver';

/** The refusal for a volume that an engine had and has no more. */
export const lostVolume = (name: string): DriverError =>
  new DriverError(
    'rejected',
    `The volume ${name} is not on its node any more, and its data with it: somebody else has removed it there. See docs/volumes.md`,
  );
