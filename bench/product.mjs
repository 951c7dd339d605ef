import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cpuOf, rssMbOf } from './process-stats.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PASSWORD = 'Correct-Horse-7';
const READY_WITHIN_MS = 60_000;

/** The settings of the service; all others have their defaults. */
const ENVIRONMENT = {
  PATH: process.env.PATH ?? '',
  HOME: tmpdir(),
  NODE_ENV: 'production',
  PORT: '0',
  RUNTIME: 'simulated',
  SIMULATED_DELAY_MS: '0',
  RATE_LIMIT_PER_MINUTE: '0',
  AUTH_RATE_LIMIT_PER_MINUTE: '0',
  REGISTRATION_ENABLED: 'true',
  REGISTRATION_QUOTA: 'none',
  MAX_DEPLOYMENTS_PER_USER: '0',
  MAX_REPLICAS_PER_USER: '0',
  MAX_STORED_MB_PER_USER: '0',
  MAX_KEPT_DEPLOYMENTS_PER_USER: '0',
  ACCESS_TOKEN_SECONDS: '86400',
  JWT_SECRET: 'only-for-measurements-only-for-measurements',
  LOG_LEVEL: 'warn',
};

/** The settings of a service whose administrator is to be used by the bench. */
export const administrator = { ADMIN_USERNAME: 'root', ADMIN_PASSWORD: PASSWORD };

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** Starts the built product and waits until it is ready. `nodeArgs` go to node itself. */
export async function startProduct(environment, { nodeArgs = [], program = 'dist/main.js' } = {}) {
  const begun = performance.now();
  const child = spawn(process.execPath, [...nodeArgs, program], {
    cwd: ROOT,
    env: { ...ENVIRONMENT, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (words += text));
  const ended = once(child, 'close').finally(() => running.delete(child));
  const url = () => /(http:\/\/[\d.]+:\d+)/.exec(words)?.[1];
  const isReady = async () => url() !== undefined && (await fetch(`${url()}/health/ready`)).status === 200;
  while (!(await isReady())) {
    if (child.exitCode !== null || performance.now() - begun > READY_WITHIN_MS) throw new Error(`The service did not start:\n${words}`);
    await sleep(10);
  }
  return {
    url: url(),
    pid: child.pid,
    readyMs: performance.now() - begun,
    hasWorkers: environment.ROLE !== 'api',
    cpu: () => cpuOf(child.pid),
    rssMb: () => rssMbOf(child.pid),
    output: () => words,
    logInAdministrator: () => logIn(url(), administrator.ADMIN_USERNAME),
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

const post = (url, path, body) =>
  fetch(`${url}/api/auth/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

async function logIn(url, username) {
  const answer = await post(url, 'login', { username, password: PASSWORD });
  if (answer.status !== 200) throw new Error(`The log-in of ${username} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()).access_token;
}

/** Tokens of the users that send requests, by number. All get the password of one user that the product itself has made. */
export async function logInUsers(url, database, layout) {
  const made = await post(url, 'register', { username: 'model', email: 'model@example.org', password: PASSWORD });
  if (made.status !== 201 && made.status !== 409) throw new Error(`The registration answered ${made.status}: ${await made.text()}`);
  await database.query(
    `UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE username = 'model')
      WHERE username = ANY(SELECT 'user-' || u FROM generate_series(1, $1::int) AS u)`,
    [layout.driven],
  );
  const tokens = [];
  for (let user = 1; user <= layout.driven; user++) tokens[user] = await logIn(url, `user-${user}`);
  return tokens;
}

export const credentials = (user) => JSON.stringify({ username: `user-${user}`, password: PASSWORD });
