import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface LinkQuality {
  /** One way. */
  readonly delayMs: number;
  /** The share of pieces that come late, as after a loss that TCP repairs, and how late. What is behind them waits as well. */
  readonly lossShare: number;
  readonly repairMs: number;
}

interface Pipe {
  readonly sockets: readonly [Socket, Socket];
  /** Nothing passes before this time in each direction, so that the order stays. */
  readonly freeMs: [number, number];
  isDead: boolean;
}

/** A link with a long way, losses and cuts, as a TCP connection shows them. For kernels without the queueing disciplines that do this to packets. */
export class BadLink {
  private readonly pipes = new Set<Pipe>();
  private isCut = false;
  /** How many more bytes come from those who dial, before the link is cut. */
  private bytesLeft = Infinity;

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
    public quality: LinkQuality,
  ) {
    server.on('connection', (client) => this.join(client));
  }

  static async to(url: string, quality: LinkQuality): Promise<BadLink> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new BadLink(server, new URL(url), quality);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Cuts every connection, and every new one, until `restore`. `silently`: nobody is told, as when a cable is pulled. */
  cut({ silently }: { readonly silently: boolean }): void {
    this.isCut = true;
    for (const pipe of this.pipes) {
      pipe.isDead = true;
      if (!silently) for (const socket of pipe.sockets) socket.destroy();
    }
  }

  /** Cuts, and tells both ends, once so many more bytes have come from those who dial: in the middle of what they are saying. */
  cutAfter(bytes: number): void {
    this.bytesLeft = bytes;
  }

  /** Connections that were cut stay dead: their ends find that out by themselves, or here at last. */
  restore(): void {
    this.isCut = false;
    this.bytesLeft = Infinity;
    for (const { isDead, sockets } of this.pipes) if (isDead) for (const socket of sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.cut({ silently: false });
    this.server.close();
  }

  private join(client: Socket): void {
    client.on('error', () => undefined);
    if (this.isCut) return void client.destroy();
    const upstream = connect(Number(this.target.port), this.target.hostname);
    const pipe: Pipe = { sockets: [client, upstream], freeMs: [0, 0], isDead: false };
    this.pipes.add(pipe);
    this.pass(pipe, 0);
    this.pass(pipe, 1);
  }

  private pass(pipe: Pipe, direction: 0 | 1): void {
    const [from, to] = direction === 0 ? pipe.sockets : [pipe.sockets[1], pipe.sockets[0]];
    const later = (work: () => void): void => {
      const { delayMs, lossShare, repairMs } = this.quality;
      const now = performance.now();
      const due = Math.max(pipe.freeMs[direction], now + delayMs + (Math.random() < lossShare ? repairMs * (1 + Math.random()) : 0));
      pipe.freeMs[direction] = due;
      setTimeout(() => {
        if (!pipe.isDead) work();
      }, due - now);
    };
    from.on('error', () => undefined);
    from.on('data', (piece: Buffer) => {
      const part = direction === 0 ? piece.subarray(0, this.bytesLeft) : piece;
      if (direction === 0) this.bytesLeft -= part.length;
      later(() => {
        to.write(part);
        if (part.length < piece.length) this.cut({ silently: false });
      });
    });
    from.on('close', () => {
      this.pipes.delete(pipe);
      later(() => to.destroy());
    });
  }
}
