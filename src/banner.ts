import type { FirstAdministrator } from './auth/admin-bootstrap';
import { VERSION } from './common/version';
import type { AppConfig } from './config/app-config';
import type { ActiveRuntime } from './runtime/runtimes';

/** The roles whose processes have the routes of the API. */
const API_ROLES: readonly AppConfig['ROLE'][] = ['all', 'api'];

export interface StartFacts {
  /** PUBLIC_URL, or the address that it listens on, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly database: string;
  /** Where deployments are reached, or why not yet; null when this process has no router. */
  readonly router: string | null;
  readonly runtime: ActiveRuntime;
  readonly administrator: FirstAdministrator | null;
}

const IMAGE = 'nginxinc/nginx-unprivileged:1.27';

/** What a person needs to begin, printed once the program answers. */
export function banner(config: AppConfig, { url, database, runtime, router, administrator }: StartFacts): string {
  const hasApi = API_ROLES.includes(config.ROLE);
  const lines = [
    '',
    `fog-compute ${VERSION} is ready${config.ROLE === 'all' ? '' : ` (role ${config.ROLE})`}.`,
    '',
    hasApi ? `  Swagger UI      ${url}/docs` : `  Health          ${url}/health/ready`,
    `  Runtime         ${runtime.kind}: ${runtime.reason}`,
    `  Database        ${database}`,
    ...(router === null ? [] : [`  Router          ${router}`]),
    ...administratorLine(administrator),
  ];
  if (hasApi) lines.push('', '  Log in, then deploy something:', ...curlLines(config, url, administrator));
  return `${lines.join('\n')}\n\n`;
}

function administratorLine(administrator: FirstAdministrator | null): string[] {
  if (!administrator) return [];
  const { username, passwordFile } = administrator;
  return [`  Administrator   ${username}, ${passwordFile === null ? 'the password is ADMIN_PASSWORD' : `password in ${passwordFile}`}`];
}

function curlLines({ ADMIN_USERNAME }: AppConfig, url: string, administrator: FirstAdministrator | null): string[] {
  const username = administrator?.username ?? ADMIN_USERNAME.toLowerCase();
  const file = administrator?.passwordFile ?? null;
  const password = file === null ? 'YOUR-PASSWORD' : `'"$(cat ${file})"'`;
  const credentials = `{"username":"${username}","password":"${password}"}`;
  const deployment = JSON.stringify({
    name: 'hello',
    type: 'compute',
    container_image: IMAGE,
    replicas: 2,
    resources: { cpu: 0.5, memory: 512 },
    ports: [{ container_port: 8080 }],
    routes: [{ port: 8080 }],
  });
  const json = `-H 'Content-Type: application/json'`;
  return [
    `    TOKEN=$(curl -s ${url}/api/auth/login ${json} -d '${credentials}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
    `    curl -s ${url}/api/deployment/deploy -H "Authorization: Bearer $TOKEN" ${json} -d '${deployment}'`,
  ];
}
