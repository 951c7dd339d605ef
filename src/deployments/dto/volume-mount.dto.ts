import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsInt, Max, Min } from 'class-validator';
import { OptionalOrNull, TextField } from '../../common/validation/fields';
import { MAX_VOLUME_NAME, VOLUME_NAME } from '../../volumes/volume-name';
import { MAX_PATH_LENGTH, MOUNT_PATH } from '../domain/volume-faults';

/** A volume that the replicas of a deployment mount. `domain/volume-faults.ts` checks what depends on other members. */
export class VolumeMountDto {
  @ApiProperty({
    description: 'Names the volume in its project. The first deployment that names it makes it',
    example: 'data',
    maxLength: MAX_VOLUME_NAME,
    pattern: VOLUME_NAME.source,
  })
  @TextField({
    max: MAX_VOLUME_NAME,
    pattern: VOLUME_NAME,
    hint: 'start with a letter or digit and contain only letters, digits, ".", "_" and "-"',
  })
  name!: string;

  @ApiProperty({ description: 'Where the containers find it', example: '/data', maxLength: MAX_PATH_LENGTH, pattern: MOUNT_PATH.source })
  @TextField({ max: MAX_PATH_LENGTH, pattern: MOUNT_PATH, hint: 'be an absolute path without a / at its end, such as /var/lib/data' })
  path!: string;

  @ApiProperty({
    description: 'In GB. It does not change once the volume is there',
    example: 1,
    minimum: 1,
    maximum: 1000,
    type: 'integer',
  })
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  size_gb!: number;

  @ApiPropertyOptional({
    description: 'A volume that is written to is mounted by one replica only; read-only by any number',
    default: false,
  })
  @OptionalOrNull()
  @IsBoolean()
  read_only: boolean = false;
}
