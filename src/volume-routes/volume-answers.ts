import type { Answer } from '../common/http/answer';
import { VolumeDto } from './dto/volume.dto';
import type { ShownVolume } from './volume.types';

/** A volume that its engine is asked to remove. */
export const removedVolumeAnswer = (volume: ShownVolume): Answer => ({ status: 202, body: VolumeDto.of(volume) });
