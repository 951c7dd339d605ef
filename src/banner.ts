import type { FirstAdministrator } from './auth/admin-bootstrap';
import { VERSION } from './common/version';
import type { AppConfig } from './config/app-config';
import type { ActiveRuntime } from './runtime/runtimes';

export interface StartFacts {
  /** The address that it listens on, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly database: string;
  readonly runtime: ActiveRuntime;
  readonly administrator: FirstAdministrator | null;
}

const IMAGE = 'nginx:1.27';

/** What a person needs to begin, printed once the program answers. The only place where the first password is ever shown. */
export function banner(config: AppConfig, { url, database, runtime, administrator }: StartFacts): string {
  const lines = [
    '',
    `fog-compute ${VERSION} is ready${config.ROLE === 'all' ? '' : ` (role ${config.ROLE})`}.`,
    '',
    `  Swagger UI      ${url}/docs`,
    `  Runtime         ${runtime.kind}: ${runtime.reason}`,
    `  Database        ${database}`,
    ...administratorLines(administrator),
  ];
  if (config.ROLE !== 'worker') lines.push('', '  Log in, then deploy something:', ...curlLines(config, url, administrator));
  return `${lines.join('\n')}\n\n`;
}

/** Also printed when the start fails later: the password exists nowhere else. */
export function administratorLines(administrator: FirstAdministrator | null): string[] {
  if (!administrator) return [];
  const { username, generatedPassword } = administrator;
  const password =
    generatedPassword === null ? 'the password is ADMIN_PASSWORD' : `password ${generatedPassword} (shown only now: keep it)`;
  return [`  Administrator   ${username}, ${password}`];
}

function curlLines({ ADMIN_USERNAME }: AppConfig, url: string, administrator: FirstAdministrator | null): string[] {
  const credentials = JSON.stringify({
    username: administrator?.username ?? ADMIN_USERNAME.toLowerCase(),
    password: administrator?.generatedPassword ?? 'YOUR-PASSWORD',
  });
  const deployment = JSON.stringify({
    name: 'hello',
    type: 'compute',
    container_image: IMAGE,
    replicas: 2,
    resources: { cpu: 0.5, memory: 512 },
  });
  const json = `-H 'Content-Type: application/json'`;
  return [
    `    TOKEN=$(curl -s ${url}/api/auth/login ${json} -d '${credentials}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
    `    curl -s ${url}/api/deployment/deploy -H "Authorization: Bearer $TOKEN" ${json} -d '${deployment}'`,
  ];
}
