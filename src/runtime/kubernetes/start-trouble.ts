import type { V1Pod } from '@kubernetes/client-node';
import { oneLine } from '../one-line';
import { pullFailed, registryClosed } from '../pull-failed';
import { DriverError } from '../runtime-driver';
import { CONTAINER } from './job-manifest';

/** Why a Pod does not run yet. A failure is one that waiting does not cure; words are for people who wait. */
export interface StartTrouble {
  readonly words: string | null;
  readonly failure: DriverError | null;
  /** No machine takes it now. That may change; how long to wait for it is up to the caller. */
  readonly unschedulable: boolean;
}

const NONE: StartTrouble = { words: null, failure: null, unschedulable: false };
const IMAGE = new Set(['ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName', 'RegistryUnavailable']);

/** What keeps this Pod from running, in the cluster's own words. */
export function startTrouble(pod: V1Pod, image: string): StartTrouble {
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    const words = oneLine(`No machine of the cluster takes it: ${scheduled.message ?? scheduled.reason ?? ''}`);
    return { words, failure: null, unschedulable: true };
  }
  const { waiting } = pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER)?.state ?? {};
  if (waiting?.reason === undefined) return NONE;
  if (IMAGE.has(waiting.reason)) {
    const words = waiting.reason === 'ErrImageNeverPull' ? registryClosed(image) : pullFailed(image);
    return { ...NONE, words, failure: new DriverError('image_unavailable', words, { cause: waiting.message }) };
  }
  if (/runAsNonRoot|non-numeric user/i.test(waiting.message ?? '')) {
    const words = 'The image runs as root, or as a user without a number, which a cluster does not allow: its USER has to be a number';
    return { ...NONE, words, failure: new DriverError('rejected', words) };
  }
  return waiting.reason === 'ContainerCreating' ? NONE : { ...NONE, words: oneLine(`${waiting.reason}: ${waiting.message ?? ''}`) };
}
