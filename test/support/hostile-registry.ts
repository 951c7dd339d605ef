import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';

export type RegistryMood = 'serves' | 'silent' | 'stalls' | 'not found' | 'limits' | 'broken';

/** A registry on loopback, which engines reach without TLS. It serves one image under every name, or behaves as told. */
export interface HostileRegistry {
  /** `127.0.0.1:12345` */
  readonly host: string;
  readonly asked: string[];
  mood: RegistryMood;
  /** Another number makes every tag mean another image. What was served before is still there by its digest. */
  edition: number;
  close(): Promise<void>;
}

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';

const blobOf = (mediaType: string, bytes: Buffer) => ({ mediaType, size: bytes.length, digest: digestOf(bytes) });

/** `layer` is the tar archive of the image's files; `config` is what the image asks of containers. Every name is another image. */
export async function startHostileRegistry(
  layer: Buffer,
  config: { Env?: string[] } & Record<string, unknown> = {},
): Promise<HostileRegistry> {
  const registry: { asked: string[]; mood: RegistryMood; edition: number } = { asked: [], mood: 'serves', edition: 1 };
  const packed = gzipSync(layer);
  const blobs = new Map([[digestOf(packed), packed]]);
  const served = new Map<string, Buffer>();
  const manifestOf = (name: string): Buffer => {
    const own = { ...config, Env: [...(config.Env ?? []), `NAME=${name}`, `EDITION=${registry.edition}`] };
    const rootfs = { type: 'layers', diff_ids: [digestOf(layer)] };
    const description = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: own, rootfs, history: [{}] }));
    blobs.set(digestOf(description), description);
    return Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: blobOf('application/vnd.docker.container.image.v1+json', description),
        layers: [blobOf('application/vnd.docker.image.rootfs.diff.tar.gzip', packed)],
      }),
    );
  };
  const send = (answer: ServerResponse, bytes: Buffer, type: string): void => {
    answer.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length, 'Docker-Content-Digest': digestOf(bytes) }).end(bytes);
  };
  const fail = (answer: ServerResponse, status: number, code: string): void => {
    answer
      .writeHead(status, { 'Content-Type': 'application/json' })
      .end(JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] }));
  };
  const server = createServer((question, answer) => {
    const path = question.url ?? '';
    registry.asked.push(path);
    if (registry.mood === 'silent') return;
    if (registry.mood === 'limits') return fail(answer, 429, 'TOOMANYREQUESTS');
    if (registry.mood === 'broken') return fail(answer, 503, 'UNAVAILABLE');
    if (path === '/v2/') return send(answer, Buffer.from('{}'), 'application/json');
    if (registry.mood === 'not found') return fail(answer, 404, 'MANIFEST_UNKNOWN');
    const [, name, reference = ''] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(path) ?? [];
    if (name !== undefined) {
      const manifest = served.get(reference) ?? manifestOf(name);
      served.set(digestOf(manifest), manifest);
      return send(answer, manifest, MANIFEST);
    }
    const bytes = blobs.get(path.split('/').at(-1) ?? '');
    if (!bytes) return fail(answer, 404, 'BLOB_UNKNOWN');
    if (registry.mood !== 'stalls') return send(answer, bytes, 'application/octet-stream');
    answer.writeHead(200, { 'Content-Length': bytes.length }).write(bytes.subarray(0, 1));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return Object.assign(registry, {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    },
  });
}
