import { IsBoolean, IsEmail, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { Flag, IsUrlOf } from '../variables';

/** Where webhooks and e-mails may go, and the key of the secrets that are kept for them. */
export class NotificationsConfig {
  /** May webhooks go to plain http addresses? */
  @Flag()
  @IsBoolean()
  readonly WEBHOOK_ALLOW_HTTP: boolean = false;

  /** Comma-separated addresses or CIDR ranges that webhooks may reach although they are private. */
  @IsString()
  readonly WEBHOOK_ALLOWED_NETWORKS: string = '';

  /**
   * The key that secrets in the database are encrypted with, 32 bytes in base64. Absent: made on first start and kept
   * in DATA_DIR.
   */
  @IsOptional()
  @Matches(/^[A-Za-z0-9+/]{43}=$/, { message: 'ENCRYPTION_KEY must be 32 bytes in base64, as from: openssl rand -base64 32' })
  readonly ENCRYPTION_KEY?: string;

  /** The key of before, while it is being changed: what it has encrypted is still read. */
  @IsOptional()
  @Matches(/^[A-Za-z0-9+/]{43}=$/, { message: 'ENCRYPTION_KEY_PREVIOUS must be 32 bytes in base64' })
  readonly ENCRYPTION_KEY_PREVIOUS?: string;

  /** The server that e-mails are sent through: `smtp://user:password@host:587` or `smtps://…`. Absent: no e-mails. */
  @IsOptional()
  @IsUrlOf(['smtp', 'smtps'], { message: 'SMTP_URL must be a smtp or smtps URL' })
  readonly SMTP_URL?: string;

  /** The sender of e-mails, such as `fog-compute <noreply@example.org>`. */
  @IsOptional()
  @IsEmail(
    { allow_display_name: true, require_tld: false, allow_utf8_local_part: false },
    { message: 'SMTP_FROM must be an e-mail address, or a name with one: fog-compute <noreply@example.org>' },
  )
  @MaxLength(320)
  readonly SMTP_FROM?: string;
}
