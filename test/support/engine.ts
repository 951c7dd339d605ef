import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import Docker from 'dockerode';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import type { Address } from './fault-proxy';

/** A few hundred kB of busybox, so that tests run real containers without a registry. */
export const TEST_IMAGE = 'fog-test/busybox:1';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'];
const APPLETS = [
  'sh',
  'sleep',
  'echo',
  'cat',
  'dd',
  'httpd',
  'env',
  'true',
  'false',
  'test',
  'touch',
  'mkdir',
  'ls',
  'id',
  'chown',
  'kill',
  'grep',
  'wget',
  'ping',
  'mount',
];
const PING = `new (require('dockerode'))().ping().then(() => process.exit(0), () => process.exit(1)); setTimeout(() => process.exit(1), 3000);`;

export const NEEDS_ENGINE = 'needs a Docker Engine that answers at DOCKER_HOST or /var/run/docker.sock';

let available: boolean | undefined;

/**
 * Whether a Docker Engine answers at DOCKER_HOST or the usual socket. Asked once and synchronously, because Jest needs the
 * answer before tests begin.
 */
export function engineAvailable(): boolean {
  available ??= isThere(engineAddress()) && spawnSync(process.execPath, ['-e', PING], { cwd: process.cwd(), timeout: 10_000 }).status === 0;
  return available;
}

/** Most machines without an engine have no socket of one, and then no process has to ask. */
const isThere = (address: Address): boolean => !('path' in address) || existsSync(address.path);

/** `describe` that needs a Docker Engine. Without one it skips and says so; with REQUIRE_DOCKER_ENGINE=1 it fails instead. */
export function describeWithEngine(name: string, tests: () => void): void {
  if (engineAvailable()) return describe(name, tests);
  if (process.env.REQUIRE_DOCKER_ENGINE === '1') throw new Error(`${name} needs a Docker Engine, and none answers`);
  process.stderr.write(`\nSKIPPED: ${name} ${NEEDS_ENGINE}\n\n`);
  describe.skip(name, tests);
}

/** A client of the test itself, which does not use the driver. */
export const engineClient = (dockerHost?: string): Docker =>
  dockerHost === undefined ? new Docker() : new Docker({ socketPath: dockerHost.replace('unix://', '') });

/** Where the engine of this machine listens: DOCKER_HOST, or the usual socket. */
export function engineAddress(): Address {
  const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
  if (host.startsWith('unix://')) return { path: host.slice('unix://'.length) };
  const { hostname, port } = new URL(host);
  return { host: hostname, port: Number(port) };
}

/** The files of the test image, as a tar archive. */
export function testFiles(): Buffer {
  const busybox = BUSYBOX.find((path) => existsSync(path));
  if (busybox === undefined) throw new Error('The engine tests build their image from busybox: install the package busybox-static');
  return Buffer.concat([
    // Without its folders named, an engine with user namespaces makes them for its own root alone.
    tarEntry({ name: 'bin/' }),
    tarEntry({ name: 'bin/busybox', content: readFileSync(busybox) }),
    ...APPLETS.map((applet) => tarEntry({ name: `bin/${applet}`, linkTo: 'busybox' })),
    Buffer.alloc(1024),
  ]);
}

/** Loads the test image into the engine unless it is there. Without a command its containers sleep. */
export async function loadTestImage(docker: Docker): Promise<void> {
  const images = await docker.listImages({ filters: { reference: [TEST_IMAGE] } });
  if (images.length > 0) return;
  const [repo, tag] = TEST_IMAGE.split(':');
  const answer = await docker.importImage(Readable.from([testFiles()]), { repo, tag, changes: ['CMD ["sleep","3600"]', 'ENV PATH=/bin'] });
  const words = await text(answer as Readable);
  if (words.includes('"error"')) throw new Error(`The engine did not take the test image: ${words}`);
}

/** Removes every container of one installation that a test has left, and its networks. */
export async function removeContainersOf(docker: Docker, installationId: string): Promise<void> {
  const label = [`${LABEL.installation}=${installationId}`];
  const containers = await docker.listContainers({ all: true, filters: { label } });
  await Promise.all(
    containers.map(({ Id: id }) =>
      docker
        .getContainer(id)
        .remove({ force: true, v: true })
        .catch(() => undefined),
    ),
  );
  const networks = await docker.listNetworks({ filters: { label } });
  await Promise.all(
    networks.map(({ Id: id }) =>
      docker
        .getNetwork(id)
        .remove()
        .catch(() => undefined),
    ),
  );
}

/** One entry of a ustar archive: a folder, an executable file, or a symbolic link. */
function tarEntry(entry: { name: string } | { name: string; content: Buffer } | { name: string; linkTo: string }): Buffer {
  const content = 'content' in entry ? entry.content : Buffer.alloc(0);
  const header = Buffer.alloc(512);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;
  header.write(entry.name, 0, 100);
  header.write(octal(0o755, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write(' '.repeat(8), 148);
  header.write('content' in entry ? '0' : 'linkTo' in entry ? '2' : '5', 156);
  if ('linkTo' in entry) header.write(entry.linkTo, 157, 100);
  header.write('ustar\x0000', 257);
  header.write(
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    ),
    148,
  );
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}
