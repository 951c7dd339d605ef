import { existsSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { homedir, platform } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import Docker, { type DockerOptions } from 'dockerode';
import { isLoopback, parseEngineAddress } from '../../common/engine-address';
import type { NodeTarget } from '../../engines/node-target';
import { DriverError } from '../runtime-driver';
import { certificateFolder, certificatesState, readCertificates } from './certificates';

export interface DockerConnection {
  /** Has the form of Docker's own variable; when absent, the socket of this machine is used. */
  readonly dockerHost?: string;
  readonly certPath?: string;
}

interface Connected {
  readonly docker: Docker;
  readonly agent: HttpAgent;
  /** The state of the certificates that were read; empty without any. */
  readonly state: string;
}

const KEEP = { keepAlive: true, maxFreeSockets: 4 };

/**
 * The client's library writes all of its options down for each call, whether anybody reads that or not. An agent holds every open
 * connection with its request, and to write them all down took longer than starting the containers.
 */
const opaque = <A extends HttpAgent>(agent: A): A => Object.assign(agent, { [inspect.custom]: () => '[Agent]' });

/**
 * One client per engine, with connections that are kept alive. Plain TCP is allowed to this machine only, because whoever
 * reaches an engine is root there. Certificates are read again when their files have changed: new connections then use the
 * new ones, and calls that are under way end as they began.
 */
export class DockerEngines {
  private readonly clients = new Map<string, Connected>();

  constructor(private readonly connection: DockerConnection) {}

  /** The address of the engine of this machine, for start-up output and logs. */
  get localAddress(): string {
    return this.connection.dockerHost ?? `${platform() === 'win32' ? 'npipe' : 'unix'}://${defaultSocket()}`;
  }

  /** Whether the address of the engine of this machine was configured. */
  get isGiven(): boolean {
    return this.connection.dockerHost !== undefined;
  }

  isLocal(target: NodeTarget): boolean {
    return !this.addressOf(target).startsWith('tcp://');
  }

  clientFor(target: NodeTarget): Docker {
    const address = this.addressOf(target);
    const key = `${address} ${target.name}`;
    const known = this.clients.get(key);
    const state = this.stateFor(address, target.name);
    // A file that is missing now is about to be replaced.
    if (known && (known.state === state || state === '')) return known.docker;
    const next = this.connect(address, target.name, state);
    if (known) retire(known.agent);
    this.clients.set(key, next);
    return next.docker;
  }

  /** Closes the connections that are kept alive. */
  close(): void {
    for (const { agent } of this.clients.values()) agent.destroy();
    this.clients.clear();
  }

  private addressOf(target: NodeTarget): string {
    return target.endpoint ?? this.localAddress;
  }

  private stateFor(address: string, nodeName: string): string {
    const { certPath } = this.connection;
    return certPath === undefined || !address.startsWith('tcp:') ? '' : certificatesState(certificateFolder(certPath, nodeName));
  }

  private connect(address: string, nodeName: string, state: string): Connected {
    const where = parseEngineAddress(address);
    if (where === null) throw new DriverError('rejected', 'The address of the engine must look like tcp://host:2376 or unix:///path');
    if (where.kind === 'socket') return connected({ protocol: 'http', socketPath: where.path, agent: opaque(new HttpAgent(KEEP)) }, state);
    const { host, port } = where;
    if (this.connection.certPath !== undefined) {
      const certificates = readCertificates(certificateFolder(this.connection.certPath, nodeName));
      return connected({ ...certificates, protocol: 'https', host, port: port || '2376', agent: opaque(new HttpsAgent(KEEP)) }, state);
    }
    if (!isLoopback(host)) {
      throw new DriverError('rejected', 'An engine on another machine is reached over TLS only, and no certificates are configured for it');
    }
    return connected({ protocol: 'http', host, port: port || '2375', agent: opaque(new HttpAgent(KEEP)) }, state);
  }
}

/** dockerode reads DOCKER_HOST and DOCKER_CERT_PATH by itself; every setting is named here, so that they cannot interfere. */
function connected(settings: DockerOptions & { agent: HttpAgent }, state: string): Connected {
  const none = { host: undefined, port: undefined, socketPath: undefined, ca: undefined, cert: undefined, key: undefined };
  const all = { ...none, ...settings };
  return { docker: new Docker(all), agent: settings.agent, state };
}

/** Closes its idle connections now, and the others as soon as they are idle. */
function retire(agent: HttpAgent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

/** Docker Desktop keeps its socket in the home folder. An account without an entry in the password file has none. */
function defaultSocket(): string {
  if (platform() === 'win32') return '//./pipe/docker_engine';
  const desktop = join(homeFolder(), '.docker', 'run', 'docker.sock');
  return existsSync(desktop) ? desktop : '/var/run/docker.sock';
}

function homeFolder(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}
