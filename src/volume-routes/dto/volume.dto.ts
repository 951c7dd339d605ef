import { ApiProperty } from '@nestjs/swagger';
import { IsString } from 'class-validator';
import { TextField } from '../../common/validation/fields';
import { MAX_VOLUME_NAME, VOLUME_NAME } from '../../volumes/volume-name';
import { stateOf, VOLUME_STATES, type ShownVolume, type VolumeState } from '../volume.types';

/** A volume in a path. */
export class VolumeParamDto {
  @ApiProperty({ format: 'uuid' })
  @IsString()
  id!: string;

  @ApiProperty({ example: 'data' })
  @TextField({
    max: MAX_VOLUME_NAME,
    pattern: VOLUME_NAME,
    hint: 'start with a letter or digit and contain only letters, digits, ".", "_" and "-"',
  })
  name!: string;
}

/** A deployment that mounts a volume. */
export class VolumeUseDto {
  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ description: 'Where its containers find it' })
  path!: string;

  @ApiProperty()
  read_only!: boolean;

  @ApiProperty({ description: 'It is deleted, and a restore would find the volume' })
  deleted!: boolean;
}

/** A volume of a project. */
export class VolumeDto {
  @ApiProperty({ format: 'uuid', description: 'Engines know it by this' })
  id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ type: 'integer' })
  size_gb!: number;

  @ApiProperty({
    enum: VOLUME_STATES,
    description:
      '`waiting`: nothing that mounts it was placed yet, so it is nowhere. `removing`: its engine is asked to remove it, and has not confirmed that it is gone',
  })
  state!: VolumeState;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The node that has its data, for good' })
  node_id!: string | null;

  @ApiProperty({ type: String, nullable: true })
  node_name!: string | null;

  @ApiProperty({ type: Boolean, nullable: true, description: 'Whether that node answers' })
  node_online!: boolean | null;

  @ApiProperty({ type: () => [VolumeUseDto], description: 'The first 50 deployments that mount it, live ones first' })
  deployments!: VolumeUseDto[];

  @ApiProperty({ type: String, nullable: true, description: 'Why its removal does not get on' })
  reason!: string | null;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  static of(volume: ShownVolume): VolumeDto {
    const { id, name, sizeGb, node, reason, createdAt, uses } = volume;
    return {
      id,
      name,
      size_gb: sizeGb,
      state: stateOf(volume),
      node_id: node?.id ?? null,
      node_name: node?.name ?? null,
      node_online: node?.online ?? null,
      deployments: uses.slice(0, MOST_USES).map((use) => ({
        deployment_id: use.id,
        name: use.name,
        path: use.path,
        read_only: use.readOnly,
        deleted: use.deleted,
      })),
      reason,
      created_at: createdAt.toISOString(),
    };
  }
}

const MOST_USES = 50;
