// Can everything that was deleted be brought back? `npm run drill:restore`.
// Starts an installation in a temporary folder with simulated engines, deploys for ten users, deletes everything in
// one operation, as an operator might by mistake, restores it with one request, and compares. Exit code 1 when
// anything differs.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const USERS = 10;
const WITHIN_MS = 5 * 60_000;

const { values } = parseArgs({ options: { deployments: { type: 'string', default: '100' } } });
const count = Number(values.deployments);
if (!Number.isInteger(count) || count < USERS || count > 1000) fail(`--deployments takes a number from ${USERS} to 1000`);

const folder = mkdtempSync(join(tmpdir(), 'fog-compute-drill-'));
chmodSync(folder, 0o755); // as root, PostgreSQL runs as another account
const password = `Aa1${randomBytes(12).toString('hex')}`;
const child = spawn(process.execPath, [join(ROOT, 'dist/main.js')], {
  cwd: ROOT,
  env: {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    DATA_DIR: join(folder, 'data'),
    PORT: '0',
    RUNTIME: 'simulated',
    SIMULATED_DELAY_MS: '50',
    STOP_GRACE_SECONDS: '1',
    ADMIN_PASSWORD: password,
    RATE_LIMIT_PER_MINUTE: '0',
    AUTH_RATE_LIMIT_PER_MINUTE: '0',
    REGISTRATION_ENABLED: 'true',
    MAX_DEPLOYMENTS_PER_USER: '0',
    MAX_REPLICAS_PER_USER: '0',
    MAX_STORED_MB_PER_USER: '0',
    MAX_KEPT_DEPLOYMENTS_PER_USER: '0',
    LOG_LEVEL: 'error',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(child, 'close');
process.on('exit', () => {
  child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
let words = '';
child.stdout.setEncoding('utf8').on('data', (text) => (words += text));

const begun = performance.now();
const say = (text) => console.log(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${text}`);

const url = await eventually('the start', async () => {
  const found = /(http:\/\/[\d.]+:\d+)/.exec(words)?.[1];
  return found !== undefined && (await fetch(`${found}/health/ready`)).status === 200 ? found : null;
});
const admin = await logIn('admin', password);
await Promise.all(Array.from({ length: 4 }, (_unused, n) => send(admin, 'POST', '/api/nodes', aNode(n), [201])));
const users = await Promise.all(Array.from({ length: USERS }, (_unused, n) => aUser(`drill-${n}`)));
say(`${USERS} users, 4 more nodes`);

const deployed = await inTurns(count, async (n) => {
  const spec = aSpec(n);
  const { deployment_id: id } = await send(users[n % USERS], 'POST', '/api/deployment/deploy', spec, [202]);
  return { id, user: users[n % USERS] };
});
await allAre('running');
const before = await Promise.all(deployed.map(detail));
say(`${count} deployments run`);

let deletion = await send(admin, 'POST', '/api/deployment/bulk-delete', { ids: deployed.map(({ id }) => id), wait: 60 }, [200, 202]);
if (deletion.status === 'waiting_for_confirmation') {
  say(`the brake has stopped the deletion: ${deletion.reason}`);
  await send(admin, 'POST', `/api/operations/${deletion.operation_id}/confirm`, undefined, [200]);
}
deletion = await eventually('the teardown', async () => {
  const now = await send(admin, 'GET', `/api/operations/${deletion.operation_id}`);
  return now.status === 'completed' && now.torn_down === count ? now : null;
});
say(`all ${deletion.deleted} are deleted and torn down`);

const restoreBegun = performance.now();
let restore = await send(admin, 'POST', '/api/deployment/bulk-restore', { operation_id: deletion.operation_id, wait: 60 }, [200, 202]);
restore = await eventually('the restore', async () => {
  const now = await send(admin, 'GET', `/api/operations/${restore.operation_id}`);
  return now.finished_at === null ? null : now;
});
await allAre('running');
const seconds = (performance.now() - restoreBegun) / 1000;
const after = await Promise.all(deployed.map(detail));
const differing = before.filter((spec, index) => JSON.stringify(spec) !== JSON.stringify(after[index]));
say(`${restore.restored} restored, ${restore.refused} refused, all running after ${seconds.toFixed(1)} s`);
for (const item of restore.items.filter(({ state }) => state !== 'restored')) say(`not restored: ${item.deployment_id}: ${item.detail}`);
if (restore.restored !== count) fail(`${count - restore.restored} deployments did not come back`);
if (differing.length > 0) fail(`${differing.length} deployments came back differently`);
say('every deployment came back with the same spec, owner and number of running replicas');
child.kill('SIGTERM');
await ended;
process.exit(0);

async function detail({ id, user }) {
  const { name, type, container_image, env_names, ports, labels, command, resources, target_replicas, user_id, replicas } = await send(
    user,
    'GET',
    `/api/deployment/${id}`,
  );
  const running = replicas.filter(({ status }) => status === 'running').length;
  return { name, type, container_image, env_names, ports, labels, command, resources, target_replicas, user_id, running };
}

async function allAre(status) {
  await eventually(`everything to be ${status}`, async () => {
    const pages = await Promise.all(
      [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]
        .filter((offset) => offset < count)
        .map((offset) => send(admin, 'GET', `/api/deployment/list?all_users=true&limit=100&offset=${offset}`)),
    );
    const items = pages.flat();
    return items.length === count && items.every((item) => item.status === status) ? items : null;
  });
}

async function inTurns(total, work) {
  const results = [];
  for (let start = 0; start < total; start += 20)
    results.push(...(await Promise.all(Array.from({ length: Math.min(20, total - start) }, (_unused, n) => work(start + n)))));
  return results;
}

async function aUser(username) {
  const secret = `Aa1${randomBytes(12).toString('hex')}`;
  await send(null, 'POST', '/api/auth/register', { username, email: `${username}@drill.invalid`, password: secret }, [201]);
  return logIn(username, secret);
}

async function logIn(username, secret) {
  return (await send(null, 'POST', '/api/auth/login', { username, password: secret }, [200])).access_token;
}

function aNode(n) {
  return {
    name: `drill-${n}`,
    node_type: 'compute_node',
    region: 'us-east',
    runtime: 'simulated',
    cpu_cores: 256,
    memory_mb: 1_048_576,
    storage_gb: 10_000,
  };
}

function aSpec(n) {
  return {
    name: `drill-${n}`,
    type: 'compute',
    container_image: `drill:${n % 7}`,
    replicas: 1 + (n % 3),
    resources: { cpu: 0.5, memory: 512, storage: 1 },
    env: { NUMBER: String(n) },
    ports: [{ container_port: 8000 + (n % 50) }],
    labels: { drill: String(n % 5) },
  };
}

async function send(token, method, path, body, expected = [200]) {
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
  const answer = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await answer.text();
  if (!expected.includes(answer.status)) fail(`${method} ${path} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
}

async function eventually(what, look) {
  const end = performance.now() + WITHIN_MS;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (child.exitCode !== null) fail(`The installation has ended:\n${words}`);
    if (performance.now() > end) fail(`Waited ${WITHIN_MS / 1000} s for ${what}`);
    await sleep(200);
  }
}

function fail(text) {
  console.error(text);
  process.exit(1);
}
