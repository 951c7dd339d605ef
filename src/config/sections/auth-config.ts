import { IsBoolean, IsEmail, IsOptional, IsString, Matches, MaxLength, MinLength, ValidateIf } from 'class-validator';
import { Flag, IsUrlOf, whole } from '../variables';

/** Who may log in, and with which tokens. */
export class AuthConfig {
  @ValidateIf((config: AuthConfig) => config.JWT_SECRET !== undefined)
  @IsString()
  @MinLength(32)
  readonly JWT_SECRET?: string;

  @IsOptional()
  @IsUrlOf(['http', 'https'], { message: 'JWT_JWKS_URL must be an http or https address, such as https://login.example.org/jwks' })
  readonly JWT_JWKS_URL?: string;

  @IsString()
  readonly JWT_ISSUER: string = 'fog-compute';

  @IsString()
  readonly JWT_AUDIENCE: string = 'fog-compute';

  /** The claim of the outside issuer's tokens that names groups; absent: groups have no roles. */
  @IsOptional()
  @MinLength(1)
  @MaxLength(255)
  readonly JWT_GROUPS_CLAIM?: string;

  /**
   * How long a key of the outside issuer is trusted before it is fetched again. A key that the issuer has withdrawn is
   * accepted for as long.
   */
  @whole(1, 86_400)
  readonly JWT_JWKS_CACHE_SECONDS: number = 600;

  @whole(60, 86_400)
  readonly ACCESS_TOKEN_SECONDS: number = 900;

  @whole(3_600, 31_536_000)
  readonly REFRESH_TOKEN_SECONDS: number = 2_592_000;

  @Matches(/^[A-Za-z0-9_-]{3,50}$/)
  readonly ADMIN_USERNAME: string = 'admin';

  @IsOptional()
  @IsString()
  @MinLength(8)
  @MaxLength(100)
  readonly ADMIN_PASSWORD?: string;

  /** Absent: an address under `.invalid`, which gets no mail. */
  @IsOptional()
  @IsEmail(
    { allow_utf8_local_part: false, require_tld: false, allow_underscores: true },
    { message: 'ADMIN_EMAIL must be an e-mail address, such as admin@example.org' },
  )
  readonly ADMIN_EMAIL?: string;

  /** How many wrong passwords in a row lock an account. Each further one doubles the time, up to LOGIN_LOCK_MAX_SECONDS. */
  @whole(1, 1_000)
  readonly LOGIN_MAX_FAILURES: number = 5;

  @whole(1, 86_400)
  readonly LOGIN_LOCK_SECONDS: number = 300;

  @whole(1, 86_400)
  readonly LOGIN_LOCK_MAX_SECONDS: number = 3_600;

  /** Closed: administrators make the accounts. */
  @Flag()
  @IsBoolean()
  readonly REGISTRATION_ENABLED: boolean = false;

  @whole(0, 10_000_000)
  readonly AUTH_RATE_LIMIT_PER_MINUTE: number = 30;
}
