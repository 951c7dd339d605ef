import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { nodeIsThere } from '../support/agent-under-test';
import { certificateOf } from '../support/certificates';
import type { Client } from '../support/client';
import { statusOf } from '../support/deployments-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf, TEST_IMAGE } from '../support/engine';
import { Installation } from '../support/installation';
import { freePort } from '../support/program';
import { adminOf } from '../support/process-under-test';
import { until } from '../support/until';

const ROOT = join(__dirname, '../..');
const SMALL = { MIN_CPU_CORES: '0.1', MIN_MEMORY_MB: '16', DEFAULT_STORAGE_GB: '1', MIN_STORAGE_GB: '1' };
const SOCKET = '/var/run/docker.sock';
/** Nobody that the machine knows. */
const USER = 61_184;

/** As the service of deploy/agent: a user of its own without any right but to use the engine. */
const asOwnUser = (): string[] => [
  ...['setpriv', `--reuid=${USER}`, `--regid=${USER}`, `--groups=${statSync(SOCKET).gid}`],
  ...['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'],
];

function missing(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root';
  if (!existsSync(SOCKET)) return `needs an engine at ${SOCKET}`;
  const [command = '', ...args] = asOwnUser();
  const { status, stderr } = spawnSync(command, [...args, 'test', '-r', join(ROOT, 'package.json')], { encoding: 'utf8' });
  return status === 0 ? null : `needs setpriv, and a folder that everybody may read (${stderr})`;
}

const words = missing();
if (words !== null) process.stderr.write(`\nSKIPPED: the printed command as a user of its own ${words}\n\n`);

/** What a process and its children hold of the network: the state and the far end of each TCP socket, and all UDP sockets. */
function socketsOf(marker: string): { pids: string[]; listening: number; udp: number; connectedTo: number[] } {
  const pids = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && textOf(`/proc/${pid}/environ`).split('\0').includes(marker));
  const inodes = new Set(
    pids.flatMap((pid) =>
      readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
        try {
          return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
        } catch {
          return [];
        }
      }),
    ),
  );
  const table = (name: string) =>
    textOf(`/proc/net/${name}`)
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => inodes.has(fields[9] ?? ''));
  const tcp = [...table('tcp'), ...table('tcp6')];
  return {
    pids,
    listening: tcp.filter(([, , , state]) => state === '0A').length,
    udp: table('udp').length + table('udp6').length,
    connectedTo: tcp.filter(([, , , state]) => state === '01').map(([, , far = '']) => parseInt(far.split(':')[1] ?? '', 16)),
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

describeWithEngine('the command that makes a machine join, through HTTPS and an HTTP proxy', () => {
  const docker = engineClient();
  const home = mkdtempSync(join(tmpdir(), 'fog-agent-'));
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let target = 0;
  let past = 0;
  let proxy: Server;
  let front: ReturnType<typeof createTlsServer>;
  let installation: Installation;
  let installationId: string;
  let client: Client;
  let agent: ChildProcess | undefined;
  let output = '';

  /** Passes on between two sockets; when one is closed, so is the other. */
  const passOn = (one: Socket, other: Socket): void => {
    for (const [socket, peer] of [
      [one, other],
      [other, one],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => peer.destroy());
      socket.pipe(peer);
    }
  };
  const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
  const containers = () => docker.listContainers({ all: true, filters: { label: [`${LABEL.installation}=${installationId}`] } });

  beforeAll(async () => {
    await loadTestImage(docker);
    front = createTlsServer(certificateOf('server'), (socket) => {
      passOn(socket, connect(target, '127.0.0.1'));
    });
    front.on('connection', () => (past += 1)).listen(0, '127.0.0.1');
    proxy = createServer((_request, reply) => reply.writeHead(405).end()).on('connect', (request, socket: Socket) => {
      asked.push(request.url ?? '');
      const [host, port] = (request.url ?? '').split(':');
      const upstream = connect(Number(port), host, () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
      passOn(socket, upstream);
    });
    proxy.listen(0, '127.0.0.1');
    await Promise.all([once(front, 'listening'), once(proxy, 'listening')]);
    installation = await Installation.create();
    target = await freePort();
    const where = { PORT: String(target), PUBLIC_URL: `https://127.0.0.1:${portOf(front)}` };
    const product = await installation.start({ RUNTIME: 'agent', ...SMALL, ...where });
    client = await adminOf(product);
    [{ id: installationId }] = await installation.dataSource.query<[{ id: string }]>('SELECT id FROM installation');
    chownSync(home, USER, USER);
  });
  afterAll(async () => {
    if (agent?.pid !== undefined && agent.exitCode === null) process.kill(-agent.pid, 'SIGKILL');
    if (installationId) await removeContainersOf(docker, installationId);
    await installation?.close();
    for (const socket of sockets) socket.destroy();
    front?.close();
    proxy?.close();
    rmSync(home, { recursive: true, force: true });
  });

  (words === null ? it : it.skip)('works as it is printed, as a user of its own, with one connection out and no open port', async () => {
    const answer = await client.post('/api/nodes', { name: 'shop-7', runtime: 'agent', region: 'eu-west' });
    const { command } = (answer.body as { join: { command: string } }).join;
    expect(command).toMatch(/^SERVER_URL=https:\S+ JOIN_TOKEN=\S+ ROLE=agent npm start$/);
    const [first, ...rest] = [...asOwnUser(), 'sh', '-c', command];
    const marker = `DATA_DIR=${home}`;
    const begun = performance.now();
    agent = spawn(first ?? '', rest, {
      ...{ cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
      env: {
        ...{ PATH: process.env.PATH, HOME: home, DATA_DIR: home, HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}` },
        // npm looks for newer versions of itself, through the same proxy.
        npm_config_update_notifier: 'false',
        NODE_EXTRA_CA_CERTS: join(ROOT, 'test/support/certificates/ca.pem'),
      },
    });
    for (const stream of [agent.stdout, agent.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
    try {
      await nodeIsThere(client);
    } catch (error) {
      throw new Error(`The command did not work:\n${output}`, { cause: error });
    }
    const what = { container_image: TEST_IMAGE, command: ['sleep', '100000'], resources: { cpu: 0.1, memory: 16, storage: 1 } };
    const { body } = await client.post('/api/deployment/deploy', { name: 'at-the-edge', type: 'compute', replicas: 1, ...what });
    const { deployment_id: id } = body as { deployment_id: string };
    await until(async () => (await statusOf(client, id)).status === 'running', { what: 'the replica to run' });
    process.stderr.write(`\nFrom the command to the first running replica: ${Math.round(performance.now() - begun)} ms\n`);

    const { pids, ...network } = socketsOf(marker);
    expect(pids.length).toBeGreaterThan(0);
    expect(network).toEqual({ listening: 0, udp: 0, connectedTo: [portOf(proxy)] });
    // The join and the link: nothing went past the proxy.
    expect(asked).toEqual(asked.map(() => `127.0.0.1:${portOf(front)}`));
    expect(past).toBe(asked.length);
    for (const pid of pids) expect(textOf(`/proc/${pid}/status`)).toMatch(/^CapEff:\s0+$/m);

    expect([200, 202]).toContain((await client.delete(`/api/deployment/${id}`)).status);
    await until(async () => (await containers()).length === 0, { what: 'no container to be left' });
    const ended = once(agent, 'exit');
    process.kill(-(agent.pid ?? 0), 'SIGTERM');
    await ended;
  });
});
