import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { LABEL } from '../../src/runtime/docker/docker-labels';

interface LogRecord {
  readonly stream: 1 | 2;
  readonly time: string;
  readonly text: Buffer;
}

/** An engine with one container for every replica that is asked for, all of which have written the same. It can go away and return. */
export class FollowedEngine {
  private readonly records: LogRecord[] = [];
  private readonly following = new Set<ServerResponse>();
  private readonly sockets = new Set<Socket>();
  private isAway = false;
  /** Bytes that were taken by the connections so far. */
  sent = 0;
  stats: unknown = {};
  readonly asked: string[] = [];
  endpoint = '';

  private readonly server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://engine');
    this.asked.push(pathname);
    if (pathname.endsWith('/stats')) return void response.end(JSON.stringify(this.stats));
    if (pathname !== '/containers/json') return this.follow(response, searchParams);
    const { label } = JSON.parse(searchParams.get('filters') ?? '{}') as { label: string[] };
    const wanted = Object.fromEntries(label.map((pair) => pair.split('='))) as Record<string, string>;
    response.end(JSON.stringify(LABEL.replica in wanted ? [{ Id: 'c1', Labels: wanted, Ports: [] }] : []));
  });

  async start(): Promise<this> {
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
      if (this.isAway) socket.destroy();
    });
    await once(this.server.listen(0, '127.0.0.1'), 'listening');
    this.endpoint = `tcp://127.0.0.1:${String((this.server.address() as AddressInfo).port)}`;
    return this;
  }

  get followers(): number {
    return this.following.size;
  }

  write(text: string | Buffer, { stream = 1, time = new Date().toISOString().replace('Z', '000000Z') }: Partial<LogRecord> = {}): void {
    const record = { stream, time, text: Buffer.from(text) };
    this.records.push(record);
    for (const response of this.following) response.write(frameOf(record));
  }

  goAway(): void {
    this.isAway = true;
    for (const socket of this.sockets) socket.destroy();
  }

  comeBack(): void {
    this.isAway = false;
  }

  async close(): Promise<void> {
    this.goAway();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private follow(response: ServerResponse, query: URLSearchParams): void {
    const tail = query.get('tail') ?? 'all';
    const since = timeOf(query.get('since'));
    const last = tail === 'all' ? this.records : this.records.slice(-Number(tail));
    response.writeHead(200, { 'Content-Type': 'application/vnd.docker.multiplexed-stream' });
    response.flushHeaders();
    this.following.add(response);
    response.once('close', () => this.following.delete(response));
    const wanted = last.filter(({ time }) => time >= since);
    const send = (): void => {
      for (let record = wanted.shift(); record; record = wanted.shift()) {
        const bytes = frameOf(record);
        this.sent += bytes.length;
        if (!response.write(bytes)) return void response.once('drain', send);
      }
    };
    send();
  }
}

function frameOf({ stream, time, text }: LogRecord): Buffer {
  const content = Buffer.concat([Buffer.from(`${time} `), text]);
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}

function timeOf(since: string | null): string {
  const [seconds = '0', nanos = '0'] = (since ?? '0').split('.');
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${nanos.padEnd(9, '0')}Z`;
}
