import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { number, table, verdict } from './report.mjs';
import { median } from './statistics.mjs';
import { driveWithWrk } from './wrk.mjs';

const HOST = 'hello.bench.localhost';
const BACKENDS = 2;
const SHARE = 0.4;
const P99_TIMES = 3;

/**
 * The built-in router beside HAProxy, in turns, before the same two replicas with answers of one kB. HAProxy runs what the
 * product writes for it, with one thread, as the router has one too. Needs haproxy and wrk.
 */
export async function run({ publish, heading, options, say }) {
  const folder = mkdtempSync(join(tmpdir(), 'fog-compute-bench-router-'));
  const children = [];
  try {
    const backends = [];
    for (let n = 0; n < BACKENDS; n++)
      backends.push({ replicaId: `replica-${n}`, ports: { 80: `127.0.0.1:${await peer(children, 'backend')}` } });
    const tables = [{ deploymentId: 'bench', version: 1, routes: [{ host: HOST, pathPrefix: '/', port: 80 }], backends }];
    const targets = {
      direct: backends[0].ports[80],
      builtin: `127.0.0.1:${await peer(children, 'router', JSON.stringify(tables))}`,
      haproxy: await startHaproxy({ children, folder, tables }),
    };
    const rows = Object.fromEntries(Object.keys(targets).map((name) => [name, []]));
    for (let round = 0; round <= options.rounds; round++) {
      for (const [name, target] of Object.entries(targets)) {
        say(`round ${round}: ${name}`);
        const next = () => ({ method: 'GET', path: '/', headers: { host: HOST } });
        const measured = await driveWithWrk({ url: `http://${target}`, clients: options.clients, seconds: options.seconds, next });
        if (measured.others !== '') throw new Error(`${name}: ${measured.others}`);
        if (round > 0) rows[name].push(measured);
      }
    }
    publish(options, 'router', `${heading(`The built-in router beside HAProxy, ${options.clients} connections`, {})}\n${tableOf(rows)}`);
  } finally {
    for (const child of children) child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

function tableOf(rows) {
  const of = (name, value) => median(rows[name].map((row) => row[value]));
  const share = of('builtin', 'perSecond') / of('haproxy', 'perSecond');
  const times = of('builtin', 'p99') / of('haproxy', 'p99');
  const lines = Object.entries({ direct: 'a replica itself', builtin: 'built-in router', haproxy: 'HAProxy' }).map(([name, words]) => [
    words,
    number(of(name, 'perSecond')),
    of(name, 'p50').toFixed(2),
    of(name, 'p99').toFixed(2),
  ]);
  return `${table([['', 'requests per second', 'p50 ms', 'p99 ms'], ...lines])}

Requests per second: ${share.toFixed(2)} of HAProxy (target ${SHARE}): ${verdict(share >= SHARE)}. p99: ${times.toFixed(1)} times (target ${P99_TIMES}): ${verdict(times <= P99_TIMES)}.
`;
}

async function peer(children, ...args) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'router-peers.mjs'), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [text] = await once(child.stdout, 'data');
  return Number(text);
}

async function startHaproxy({ children, folder, tables }) {
  if (spawnSync('haproxy', ['-v']).status !== 0) throw new Error('haproxy is not installed');
  const { HaproxyBalancer } = await import('../dist/routing/haproxy/haproxy.balancer.js');
  const bind = `127.0.0.1:${await freePort()}`;
  const options = { bind, folder, socket: `${folder}/admin.sock`, masterSocket: null, slots: 10, trusted: [] };
  const balancer = new HaproxyBalancer(options, () => undefined);
  await balancer.apply(tables).catch(() => undefined);
  const child = spawn('haproxy', ['-db', '-f', `${folder}/haproxy.cfg`], { stdio: 'ignore' });
  children.push(child);
  for (let tries = 0; tries < 100; tries++) {
    const live = await balancer.live().catch(() => null);
    if (live?.versions.size === 1) return bind;
    await sleep(50);
  }
  throw new Error('HAProxy has not started');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
