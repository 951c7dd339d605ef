import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import { PASSWORD_SHOWN, PasswordField } from '../../auth/dto/password-field';
import { RegisterDto } from '../../auth/dto/register.dto';
import { ChangeMeDto, UserDto } from '../../auth/dto/user.dto';
import { NestedField } from '../../common/validation/nested';
import { Optional, OptionalOrNull } from '../../common/validation/fields';
import { OwnQuotaDto, QUOTA_EXAMPLE } from '../../quotas/dto/own-quota.dto';
import type { AccountRecord, OpenedLink } from '../account.types';

/** An account as administrators see it. */
export class AccountDto extends UserDto {
  @ApiProperty({ description: 'False: the user logs in at your identity provider.' })
  has_password!: boolean;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Until then wrong passwords keep the name locked.' })
  locked_until!: string | null;

  @ApiProperty({ type: () => OwnQuotaDto, description: 'The limits that an administrator has set; the others are as configured.' })
  quota!: OwnQuotaDto;

  static of(account: AccountRecord): AccountDto {
    return Object.assign(new AccountDto(), UserDto.from(account), {
      has_password: account.hasPassword,
      locked_until: account.lockedUntil?.toISOString() ?? null,
      quota: account.quota,
    });
  }
}

export class PasswordLinkDto {
  @ApiProperty({
    example: 'fogp_4nUuPZ0sV4cYw8Wc2mJb1r3f5h7k9m1p3q5s7u9w1y3',
    description: 'Good for one `POST /api/auth/password-reset/confirm`. It is shown here and never again.',
  })
  token!: string;

  @ApiProperty({ format: 'date-time' })
  expires_at!: string;

  static of({ token, expiresAt }: OpenedLink): PasswordLinkDto {
    return Object.assign(new PasswordLinkDto(), { token, expires_at: expiresAt.toISOString() });
  }
}

export class AddUserDto extends OmitType(RegisterDto, ['password']) {
  @ApiPropertyOptional({ ...PASSWORD_SHOWN, description: 'Absent: the answer has a one-time link with which the user sets it.' })
  @OptionalOrNull()
  @PasswordField()
  password?: string;
}

export class AddedUserDto extends UserDto {
  @ApiProperty({
    type: PasswordLinkDto,
    nullable: true,
    description: 'For an account without a password: hand it over to its user. Null otherwise.',
  })
  password_link!: PasswordLinkDto | null;
}

/** What is absent stays as it is. */
export class ChangeUserDto extends ChangeMeDto {
  @ApiPropertyOptional({ example: true, description: '`false` refuses every credential of the user at once, for good.' })
  @Optional()
  @IsBoolean()
  is_active?: boolean;

  @ApiPropertyOptional({ example: false, description: 'The last active administrator stays one.' })
  @Optional()
  @IsBoolean()
  is_admin?: boolean;

  @ApiPropertyOptional({
    type: () => OwnQuotaDto,
    description: 'All own limits of the user, in place of those of before.',
    example: QUOTA_EXAMPLE,
  })
  @Optional()
  @NestedField(() => OwnQuotaDto)
  quota?: OwnQuotaDto;
}
