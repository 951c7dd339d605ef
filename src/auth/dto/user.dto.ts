import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import { Optional } from '../../common/validation/fields';
import type { UserRecord } from '../identity';
import { EmailField } from './email-field';

export class UserDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ example: 'ada', description: 'Lower case.' })
  username!: string;

  @ApiProperty({
    example: 'ada@example.org',
    description: 'Lower case. A user of an outside identity provider without an address has one under `.invalid`.',
  })
  email!: string;

  @ApiProperty()
  is_active!: boolean;

  @ApiProperty()
  is_admin!: boolean;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  static from({ id, username, email, isActive, isAdmin, createdAt }: UserRecord): UserDto {
    return Object.assign(new UserDto(), {
      id,
      username,
      email,
      is_active: isActive,
      is_admin: isAdmin,
      created_at: createdAt.toISOString(),
    });
  }
}

export class ChangeMeDto {
  @ApiPropertyOptional({ example: 'ada@example.org', format: 'email', maxLength: 254, description: 'Stored in lower case.' })
  @Optional()
  @EmailField()
  email?: string;
}

export class UpdateUserDto {
  @ApiProperty({ example: true, description: '`false` refuses every credential of the user at once.' })
  @IsBoolean()
  is_active!: boolean;
}
