import type { VolumeUse } from '../deployments/volumes/volume-uses.repository';
import type { VolumeRow } from '../volumes/volumes.repository';

/** `waiting`: no replica that mounts it was placed yet. `removing`: its engine is asked to remove it. */
export const VOLUME_STATES = ['waiting', 'ready', 'removing'] as const;
export type VolumeState = (typeof VOLUME_STATES)[number];

/** A volume, and the deployments that mount it. */
export interface ShownVolume extends VolumeRow {
  readonly uses: readonly VolumeUse[];
}

export const stateOf = ({ removingSince, node }: VolumeRow): VolumeState =>
  removingSince !== null ? 'removing' : node === null ? 'waiting' : 'ready';
