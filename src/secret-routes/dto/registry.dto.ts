import { ApiProperty } from '@nestjs/swagger';
import { TextField } from '../../common/validation/fields';
import type { RegistryView } from '../../secrets/registries.repository';
import type { RegistryVerdict } from '../registry-check';
import { NameField } from './name-field';

const EXAMPLE = { server: 'ghcr.io', username: 'acme-puller', password: 'a-token-that-may-only-pull' };
export const REGISTRY_EXAMPLES = { packages: { summary: 'A registry with a token', value: EXAMPLE } };

/** The name of a registry of the installation in a path. */
export class RegistryParamDto {
  @ApiProperty({ example: 'packages' })
  @NameField()
  name!: string;
}

export class PutRegistryDto {
  @ApiProperty({ description: '`host[:port][/path]`', example: 'ghcr.io' })
  @TextField({ max: 255 })
  server!: string;

  @ApiProperty({ example: 'acme-puller' })
  @TextField({ max: 255, pattern: /^[^:]+$/, hint: 'contain no ":"' })
  username!: string;

  @ApiProperty({ description: 'Never shown again', writeOnly: true })
  @TextField({ max: 16_384 })
  password!: string;
}

/** The credential for a registry, without its password. */
export class RegistryDto {
  @ApiProperty()
  name!: string;

  @ApiProperty()
  server!: string;

  @ApiProperty()
  username!: string;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  updated_at!: string;

  static of({ name, server, username, createdAt, updatedAt }: RegistryView): RegistryDto {
    return { name, server, username, created_at: createdAt.toISOString(), updated_at: updatedAt.toISOString() };
  }
}

export const REGISTRY_STATES = ['accepted', 'refused', 'unknown'] as const satisfies readonly RegistryVerdict['state'][];

/** What a registry said to a credential. Nothing was written. */
export class RegistryPreviewDto {
  @ApiProperty({ enum: [true] })
  dry_run!: true;

  @ApiProperty({ enum: REGISTRY_STATES, description: '`unknown`: it could not be asked, or asks nobody for a credential' })
  result!: RegistryVerdict['state'];

  @ApiProperty()
  message!: string;

  static of({ state, detail }: RegistryVerdict): RegistryPreviewDto {
    return { dry_run: true, result: state, message: detail };
  }
}
