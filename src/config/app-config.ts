import { plainToInstance, Transform, Type } from 'class-transformer';
import {
  IsBoolean,
  IsEmail,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  IsIP,
  IsUrl,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateIf,
  validateSync,
} from 'class-validator';

/** `Boolean('false')` is true, so flags are spelled out; anything else stays a string and fails @IsBoolean. */
const Flag = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value));

const whole =
  (min: number, max: number): PropertyDecorator =>
  (target, key) => {
    for (const decorate of [Type(() => Number), IsInt(), Min(min), Max(max)]) decorate(target, key);
  };

export const ROLES = ['all', 'api', 'worker'] as const;
export const RUNTIME_CHOICES = ['auto', 'docker', 'simulated'] as const;
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** Every environment variable the process reads. `.env.example` has one line per field; a test compares the two. */
export class AppConfig {
  @whole(0, 65_535)
  readonly PORT: number = 8000;

  @IsString()
  readonly HOST: string = '127.0.0.1';

  /** Absent: an embedded PostgreSQL in DATA_DIR. */
  @IsOptional()
  @IsUrl({ protocols: ['postgres', 'postgresql'], require_tld: false, require_protocol: true })
  readonly DATABASE_URL?: string;

  @IsString()
  readonly DATA_DIR: string = '.data';

  @whole(2, 200)
  readonly DATABASE_POOL_SIZE: number = 10;

  @IsIn(ROLES)
  readonly ROLE: (typeof ROLES)[number] = 'all';

  @IsIn(RUNTIME_CHOICES)
  readonly RUNTIME: (typeof RUNTIME_CHOICES)[number] = 'auto';

  /** The address of the engine, as Docker writes it: `unix:///…` or `tcp://host:2376`. */
  @IsOptional()
  @IsString()
  readonly DOCKER_HOST?: string;

  /** A folder with ca.pem, cert.pem and key.pem for engines reached over TLS; a sub-folder named after a node goes first. */
  @IsOptional()
  @IsString()
  readonly DOCKER_CERT_PATH?: string;

  /** The region that the local engine registers itself in. */
  @IsString()
  readonly NODE_REGION: string = 'us-east';

  /** The address of the node on which the ports of its containers are published. */
  @IsIP(undefined, { message: 'PUBLISH_ADDRESS must be an IP address, such as 127.0.0.1 or 0.0.0.0' })
  readonly PUBLISH_ADDRESS: string = '127.0.0.1';

  @whole(5, 3_600)
  readonly IMAGE_PULL_TIMEOUT_SECONDS: number = 600;

  @whole(0, 60_000)
  readonly SIMULATED_DELAY_MS: number = 400;

  @ValidateIf((config: AppConfig) => config.JWT_SECRET !== undefined)
  @IsString()
  @MinLength(32)
  readonly JWT_SECRET?: string;

  @IsOptional()
  @IsUrl({ protocols: ['http', 'https'], require_tld: false, require_protocol: true })
  readonly JWT_JWKS_URL?: string;

  @IsString()
  readonly JWT_ISSUER: string = 'fog-compute';

  @IsString()
  readonly JWT_AUDIENCE: string = 'fog-compute';

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
  @IsEmail({ allow_utf8_local_part: false })
  readonly ADMIN_EMAIL?: string;

  /** How many wrong passwords in a row lock an account. Each further one doubles the time, up to LOGIN_LOCK_MAX_SECONDS. */
  @whole(1, 1_000)
  readonly LOGIN_MAX_FAILURES: number = 5;

  @whole(1, 86_400)
  readonly LOGIN_LOCK_SECONDS: number = 300;

  @whole(1, 86_400)
  readonly LOGIN_LOCK_MAX_SECONDS: number = 3_600;

  @Flag()
  @IsBoolean()
  readonly REGISTRATION_ENABLED: boolean = true;

  @whole(0, 10_000_000)
  readonly RATE_LIMIT_PER_MINUTE: number = 1200;

  @whole(0, 10_000_000)
  readonly AUTH_RATE_LIMIT_PER_MINUTE: number = 30;

  /** Comma-separated addresses or CIDR ranges of reverse proxies whose X-Forwarded-For is trusted. */
  @IsString()
  readonly TRUSTED_PROXIES: string = '';

  @Flag()
  @IsBoolean()
  readonly METRICS_PUBLIC: boolean = false;

  @IsIn(LOG_LEVELS)
  readonly LOG_LEVEL: (typeof LOG_LEVELS)[number] = 'info';

  @whole(1, 10_000)
  readonly MAX_REPLICAS: number = 100;

  /** Of all live deployments of one user; 0: no limit. */
  @whole(0, 1_000_000)
  readonly MAX_DEPLOYMENTS_PER_USER: number = 0;

  /** Wanted by all live deployments of one user together; 0: no limit. */
  @whole(0, 10_000_000)
  readonly MAX_REPLICAS_PER_USER: number = 0;

  @Type(() => Number)
  @IsNumber({ maxDecimalPlaces: 3 })
  @Min(0.001)
  @Max(1_024)
  readonly MIN_CPU_CORES: number = 0.5;

  @whole(1, 1_024)
  readonly MAX_CPU_CORES: number = 32;

  @whole(8, 16_777_216)
  readonly MIN_MEMORY_MB: number = 512;

  @whole(8, 16_777_216)
  readonly MAX_MEMORY_MB: number = 65_536;

  @whole(0, 64)
  readonly MAX_GPU_UNITS: number = 8;

  @whole(1, 1_000_000)
  readonly MIN_STORAGE_GB: number = 1;

  @whole(1, 1_000_000)
  readonly MAX_STORAGE_GB: number = 1000;

  /**
   * A node that has not answered for this long is offline. Must be longer than the lease of a job plus a sync, the time
   * that the death of a worker can cost.
   */
  @whole(2, 3_600)
  readonly NODE_OFFLINE_AFTER_SECONDS: number = 30;

  @whole(1, 600)
  readonly NODE_SYNC_SECONDS: number = 5;

  /** How many deployments one worker process reconciles at a time, besides those that only wait for an engine. */
  @whole(1, 200)
  readonly WORKER_CONCURRENCY: number = 32;

  /** Seconds between SIGTERM and SIGKILL of a container that is stopped. */
  @whole(0, 300)
  readonly STOP_GRACE_SECONDS: number = 10;

  /** The percentage of all live deployments that may be deleted in bulk within an hour without an administrator; 100: all. */
  @whole(0, 100)
  readonly BULK_DELETE_MAX_SHARE_PERCENT: number = 20;

  /** How many may always be deleted in bulk within an hour, however small the fleet is. */
  @whole(0, 1_000_000)
  readonly BULK_DELETE_ALWAYS_ALLOWED: number = 10;

  /**
   * How many days a deleted deployment is kept when no policy says otherwise. At least one, so that an empty value
   * never means "now".
   */
  @whole(1, 36_500)
  readonly RETENTION_DAYS: number = 30;

  /** The background purge waits once it has purged this many deployments within an hour; 0: no limit. */
  @whole(0, 1_000_000)
  readonly PURGE_MAX_PER_HOUR: number = 1_000;

  /** How many days audit rows are kept, at least one. The log itself records what was removed. */
  @whole(1, 36_500)
  readonly AUDIT_RETENTION_DAYS: number = 365;

  /** How many days events stay in the feed. Longer than deliveries are tried. */
  @whole(4, 3_650)
  readonly EVENTS_RETENTION_DAYS: number = 30;

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

  /** The server that e-mails are sent through: `smtp://user:password@host:587` or `smtps://…`. Absent: no e-mails. */
  @IsOptional()
  @IsUrl({ protocols: ['smtp', 'smtps'], require_tld: false, require_protocol: true }, { message: 'SMTP_URL must be a smtp or smtps URL' })
  readonly SMTP_URL?: string;

  /** The sender of e-mails, such as `fog-compute <noreply@example.org>`. */
  @IsOptional()
  @IsString()
  @MaxLength(320)
  readonly SMTP_FROM?: string;
}

/** Throws one Error that names every fault, before anything has started. Empty variables count as absent. */
export function loadConfig(env: NodeJS.ProcessEnv): AppConfig {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''));
  const config = plainToInstance(AppConfig, present, { exposeDefaultValues: true });
  const faults = validateSync(config, { whitelist: true }).flatMap((error) => Object.values(error.constraints ?? {}));
  if (config.DATABASE_URL === undefined && config.ROLE !== 'all') {
    faults.push(`ROLE=${config.ROLE} needs DATABASE_URL: the embedded database belongs to one process`);
  }
  if (config.JWT_JWKS_URL !== undefined && (present.JWT_ISSUER === undefined || present.JWT_AUDIENCE === undefined)) {
    faults.push('JWT_JWKS_URL needs JWT_ISSUER and JWT_AUDIENCE: which tokens to accept must be said');
  }
  if (config.SMTP_URL !== undefined && config.SMTP_FROM === undefined) faults.push('SMTP_URL needs SMTP_FROM: e-mails need a sender');
  if (faults.length > 0) throw new Error(`Invalid environment:\n  ${faults.join('\n  ')}`);
  return Object.freeze(config);
}
