import { existsSync, readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import { homedir, platform } from 'node:os';
import { join } from 'node:path';
import Docker, { type DockerOptions } from 'dockerode';
import type { NodeTarget } from '../../engines/node-target';
import { DriverError } from '../runtime-driver';

export interface DockerConnection {
  /** Has the form of Docker's own variable; when absent, the socket of this machine is used. */
  readonly dockerHost?: string;
  readonly certPath?: string;
}

const KEEP = { keepAlive: true, maxFreeSockets: 4 };

/**
 * One client per engine, with connections that are kept alive. Plain TCP is allowed to this machine only, because whoever
 * reaches an engine is root there. Certificates are read once per engine.
 */
export class DockerEngines {
  private readonly clients = new Map<string, Docker>();

  constructor(private readonly connection: DockerConnection) {}

  /** The address of the engine of this machine, for start-up output and logs. */
  get localAddress(): string {
    return this.connection.dockerHost ?? `${platform() === 'win32' ? 'npipe' : 'unix'}://${defaultSocket()}`;
  }

  isLocal(target: NodeTarget): boolean {
    return !this.addressOf(target).startsWith('tcp://');
  }

  clientFor(target: NodeTarget): Docker {
    const address = this.addressOf(target);
    const key = `${address} ${target.name}`;
    const client = this.clients.get(key) ?? this.connect(address, target.name);
    this.clients.set(key, client);
    return client;
  }

  /** Closes the connections that are kept alive. */
  close(): void {
    for (const { modem } of this.clients.values()) (modem as { agent?: HttpAgent }).agent?.destroy();
    this.clients.clear();
  }

  private addressOf(target: NodeTarget): string {
    return target.endpoint ?? this.localAddress;
  }

  private connect(address: string, nodeName: string): Docker {
    const local = /^(?:unix|npipe):\/\/(.+)$/.exec(address)?.[1];
    if (local !== undefined) {
      return client({ protocol: 'http', socketPath: local, agent: new HttpAgent(KEEP) });
    }
    const url = URL.canParse(address) ? new URL(address) : null;
    if (url?.protocol !== 'tcp:' || url.hostname === '') {
      throw new DriverError('rejected', 'The address of the engine must look like tcp://host:2376 or unix:///path');
    }
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const certificates = this.certificatesFor(nodeName);
    if (certificates !== null) {
      return client({ ...certificates, protocol: 'https', host, port: url.port || '2376', agent: new HttpsAgent(KEEP) });
    }
    if (!isLoopback(host)) {
      throw new DriverError('rejected', 'An engine on another machine is reached over TLS only, and no certificates are configured for it');
    }
    return client({ protocol: 'http', host, port: url.port || '2375', agent: new HttpAgent(KEEP) });
  }

  private certificatesFor(nodeName: string): { ca: string; cert: string; key: string } | null {
    const root = this.connection.certPath;
    if (root === undefined) return null;
    const own = /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(nodeName) ? join(root, nodeName) : root;
    const folder = existsSync(join(own, 'cert.pem')) ? own : root;
    try {
      const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
      return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
    } catch (error) {
      throw new DriverError('rejected', 'The certificates for the engine cannot be read: ca.pem, cert.pem and key.pem are needed', {
        cause: error,
      });
    }
  }
}

/** dockerode reads DOCKER_HOST and DOCKER_CERT_PATH by itself; every setting is named here, so that they cannot interfere. */
function client(settings: DockerOptions & { agent: HttpAgent }): Docker {
  const none = { host: undefined, port: undefined, socketPath: undefined, ca: undefined, cert: undefined, key: undefined };
  const all = { ...none, ...settings };
  return new Docker(all);
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** Docker Desktop keeps its socket in the home folder. */
function defaultSocket(): string {
  if (platform() === 'win32') return '//./pipe/docker_engine';
  const desktop = join(homedir(), '.docker', 'run', 'docker.sock');
  return existsSync(desktop) ? desktop : '/var/run/docker.sock';
}
