import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, ValidateBy } from 'class-validator';
import { Optional, QueryFlag } from '../../common/validation/fields';
import { SECRET_CHANGES, type SecretChange, type SecretPreview, type UsedSecret } from '../secret.types';
import { NameField } from './name-field';

const MAX_VALUE_BYTES = 65_536;

export const SECRET_EXAMPLE = { value: 'correct-horse-battery-staple' };

/** The name of a secret or a registry in a path. */
export class ProjectItemParamDto {
  @ApiProperty({ format: 'uuid' })
  @IsString()
  id!: string;

  @ApiProperty({ example: 'db-password' })
  @NameField()
  name!: string;
}

/** A text without NUL, which no environment can hold. The fault never shows the value. */
const ValueField = (): PropertyDecorator =>
  ValidateBy({
    name: 'secretValue',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'string' &&
        value !== '' &&
        !value.includes('\0') &&
        !/\p{Surrogate}/u.test(value) &&
        Buffer.byteLength(value) <= MAX_VALUE_BYTES,
      defaultMessage: () => `value must be a text of 1 to ${MAX_VALUE_BYTES} bytes without NUL`,
    },
  });

export class PutSecretDto {
  @ApiProperty({ description: 'Never shown again; at most 64 kB', minLength: 1, maxLength: MAX_VALUE_BYTES, writeOnly: true })
  @ValueField()
  value!: string;
}

export class PutSecretQueryDto {
  @ApiPropertyOptional({
    description: 'Gives deployments with another value a new revision, 100 at once',
    default: false,
    type: 'boolean',
  })
  @Optional()
  @QueryFlag()
  restart: boolean = false;
}

/** A secret, without its value. */
export class SecretDto {
  @ApiProperty()
  name!: string;

  @ApiProperty({ type: 'integer', description: 'Counts its values' })
  version!: number;

  @ApiProperty({ type: 'integer', description: 'The size of its value' })
  bytes!: number;

  @ApiProperty({ type: 'integer', description: 'Live ones that use it' })
  deployments!: number;

  @ApiProperty({ type: 'integer', description: 'How many of these will get another value with their next revision' })
  outdated!: number;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  updated_at!: string;

  @ApiPropertyOptional({ type: 'integer', description: 'After setting it: how many deployments got a new revision' })
  restarted?: number;

  static of({ name, version, bytes, deployments, outdated, createdAt, updatedAt }: UsedSecret): SecretDto {
    return {
      name,
      version,
      bytes,
      deployments,
      outdated,
      created_at: createdAt.toISOString(),
      updated_at: updatedAt.toISOString(),
    };
  }
}

/** What setting a secret would do. Nothing was written. */
export class SecretPreviewDto {
  @ApiProperty({ enum: [true] })
  dry_run!: true;

  @ApiProperty({ enum: SECRET_CHANGES })
  result!: SecretChange;

  @ApiProperty({ type: 'integer', description: 'The version that it would have' })
  version!: number;

  @ApiProperty({ type: 'integer', description: 'How many deployments would get another value with their next revision' })
  outdated!: number;

  @ApiProperty({ type: [String], description: 'The deployments that would get a new revision, with `restart=true`' })
  restarts!: string[];

  static of({ result, version, outdated, restarts }: SecretPreview): SecretPreviewDto {
    return {
      dry_run: true,
      result,
      version,
      outdated,
      restarts: [...restarts],
    };
  }
}
