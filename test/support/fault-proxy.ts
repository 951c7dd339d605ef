import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './program';

/** Where a server listens: a Unix socket, or a port of this machine. */
export type Address = { readonly path: string } | { readonly host: string; readonly port: number };

/**
 * A proxy in front of a server. `cut` breaks every connection and refuses new ones, like a server that is down; `freeze` keeps
 * connections and passes nothing on, like a network that loses everything; `restore` ends both.
 */
export class FaultProxy {
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  private isFrozen = false;
  private port = 0;

  constructor(
    private readonly target: Address,
    /** When absent, a free port of this machine is used. */
    private readonly socketPath?: string,
  ) {}

  async start(): Promise<this> {
    await this.restore();
    return this;
  }

  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.port };
  }

  async restore(): Promise<void> {
    this.isFrozen = false;
    this.breakAll(); // frozen connections have lost data, so they cannot be used again
    if (this.server) return;
    const server = createServer((incoming) => this.forward(incoming));
    // Not a port of the range of outgoing connections, one of which could take it while this does not listen.
    if (this.socketPath === undefined) server.listen((this.port ||= await freePort()), '127.0.0.1');
    else server.listen(this.socketPath);
    await once(server, 'listening');
    this.server = server;
  }

  async cut(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    this.breakAll();
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
    if (this.socketPath !== undefined) rmSync(this.socketPath, { force: true });
  }

  freeze(): void {
    this.isFrozen = true;
  }

  private breakAll(): void {
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  private forward(incoming: Socket): void {
    const outgoing = connect(this.target);
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      this.sockets.add(from);
      from.on('data', (chunk) => {
        if (!this.isFrozen && !to.write(chunk)) from.pause();
      });
      to.on('drain', () => from.resume());
      from.on('end', () => this.isFrozen || to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        if (!this.isFrozen) to.destroy();
      });
    }
  }
}
