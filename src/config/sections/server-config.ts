import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsOptional, IsString, IsUrl, Matches } from 'class-validator';
import { commaList } from '../../common/comma-list';
import { requireListenAddress } from '../listen-address';
import { Flag, IsReadBy, whole } from '../variables';

const ROLES = ['all', 'api', 'worker', 'router', 'agent'] as const;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** What the process is and how it listens. */
export class ServerConfig {
  @whole(0, 65_535)
  readonly PORT: number = 8000;

  @IsReadBy(requireListenAddress)
  readonly HOST: string = '127.0.0.1';

  /**
   * The address under which users reach the API, with the path prefix of a proxy, if it has one. It stands before the
   * addresses in answers, and its host is allowed. Without a final slash.
   */
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim().replace(/\/+$/, '') : value))
  @IsUrl(
    {
      protocols: ['http', 'https'],
      require_tld: false,
      require_protocol: true,
      allow_underscores: true,
      allow_trailing_dot: true,
      allow_fragments: false,
      allow_query_components: false,
      disallow_auth: true,
    },
    { message: 'PUBLIC_URL must be an http or https address without a query, such as https://fog.example.org/fog' },
  )
  readonly PUBLIC_URL?: string;

  /** Comma-separated names that the `Host` header may have besides loopback, HOST, PUBLIC_URL and addresses; `.a.b`: all under it; `*`: all. */
  @IsString()
  @Matches(/^(\s*(\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)\s*(,|$))*$/, {
    message: 'ALLOWED_HOSTS must list names without ports, separated by commas, such as fog.example.org,.internal',
  })
  readonly ALLOWED_HOSTS: string = '';

  /** Comma-separated origins whose pages may call the API, such as `https://console.example.org`; `*`: all. */
  @IsReadBy((text) => commaList(text).forEach(requireOrigin))
  readonly CORS_ORIGINS: string = '';

  /** How long an idle connection is kept. Longer than proxies keep theirs (nginx 60 s), so that the proxy closes it and no request is lost. */
  @whole(1, 3_600)
  readonly KEEP_ALIVE_SECONDS: number = 75;

  @IsIn(ROLES)
  readonly ROLE: (typeof ROLES)[number] = 'all';

  @IsString()
  readonly DATA_DIR: string = '.data';

  @IsIn(LOG_LEVELS)
  readonly LOG_LEVEL: (typeof LOG_LEVELS)[number] = 'info';

  /** Comma-separated addresses or CIDR ranges of reverse proxies whose X-Forwarded-For is trusted. */
  @IsString()
  readonly TRUSTED_PROXIES: string = '';

  @whole(0, 10_000_000)
  readonly RATE_LIMIT_PER_MINUTE: number = 1200;

  @Flag()
  @IsBoolean()
  readonly METRICS_PUBLIC: boolean = false;
}

function requireOrigin(text: string): void {
  if (text !== '*' && !(/^https?:\/\/[^\s,/?#@]+$/.test(text) && URL.canParse(text)))
    throw new Error('CORS_ORIGINS must list origins without paths, separated by commas, such as https://console.example.org');
}
