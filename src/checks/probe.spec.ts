import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { NetworkCheck } from '../engines/container-spec';
import { probe } from './probe';

const TIMES = { intervalSeconds: 1, timeoutSeconds: 1, retries: 1, startPeriodSeconds: 0 };
const http = (path = '/', from = 200, to = 399): NetworkCheck => ({ http: { port: 80, path, expectStatus: { from, to } }, ...TIMES });
const tcp: NetworkCheck = { tcp: { port: 53 }, ...TIMES };
const replicaFailed = (words: string) => ({ passed: false, fault: 'replica', words });

describe('a probe', () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  });

  /** Where the server listens. `open` counts the connections that are open. */
  const listen = async (server: Server): Promise<{ host: string; port: number }> => {
    servers.push(server);
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  };
  const answering = (listener: RequestListener) => listen(createHttp(listener));
  // A socket that nobody reads does not notice its end.
  const serving = (serve: (socket: Socket) => void) => listen(createServer((socket) => serve(socket.resume())));
  const closed = async (): Promise<void> => {
    while (sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('asks for the path, and takes the status of the answer', async () => {
    const asked: (string | undefined)[] = [];
    const at = await answering((request, reply) => {
      asked.push(request.method, request.url, request.headers.connection);
      reply.writeHead(204).end();
    });
    expect(await probe(http('/health?deep=1'), at)).toEqual({ passed: true });
    expect(asked).toEqual(['GET', '/health?deep=1', 'close']);
    expect(await probe(http('/health', 200, 200), at)).toEqual(replicaFailed('GET /health answered 204'));
    await closed();
  });

  it('follows no redirect', async () => {
    const asked: (string | undefined)[] = [];
    const other = await answering((request, reply) => void reply.end(asked.push(`other ${request.url}`)));
    const at = await answering((_request, reply) => reply.writeHead(302, { Location: `http://127.0.0.1:${other.port}/secret` }).end());
    expect(await probe(http(), at)).toEqual({ passed: true });
    expect(await probe(http('/', 200, 299), at)).toEqual(replicaFailed('GET / answered 302'));
    expect(asked).toEqual([]);
  });

  it('reads no body, however long it is, and leaves no connection behind', async () => {
    const at = await answering((_request, reply) => {
      reply.writeHead(200);
      const more = (): void => {
        while (!reply.destroyed && reply.write(Buffer.alloc(65_536)));
      };
      reply.on('drain', more);
      more();
    });
    expect(await probe(http(), at)).toEqual({ passed: true });
    await closed();
  });

  it('is over in time when nothing is answered, or one byte after the other', async () => {
    const silent = await serving(() => undefined);
    const slow = await serving((socket) => {
      const timer = setInterval(() => socket.write('H'), 50);
      socket.on('close', () => clearInterval(timer));
    });
    expect(await probe(http(), silent)).toEqual(replicaFailed('GET / was not answered within 1 s'));
    expect(await probe(http(), slow)).toMatchObject({ passed: false });
    await closed();
  });

  it.each([
    ['is not HTTP', '220 mail.example.org ESMTP\r\n', 'GET / was not answered with HTTP'],
    ['has endless headers', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 'GET / was not answered with HTTP'],
    ['ends at once', '', 'GET / was cut off'],
  ])('fails when the answer %s', async (_what, answer, words) => {
    const at = await serving((socket) => socket.end(answer));
    expect(await probe(http(), at)).toEqual(replicaFailed(words));
    await closed();
  });

  it('takes a change of protocols as an answer', async () => {
    const at = await serving((socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'));
    expect(await probe(http('/', 101, 101), at)).toEqual({ passed: true });
    expect(await probe(http(), at)).toEqual(replicaFailed('GET / answered 101'));
    await closed();
  });

  it('fails at a port that nobody listens at', async () => {
    const server = createServer();
    const at = await listen(server);
    await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
    expect(await probe(http(), at)).toEqual(replicaFailed('GET / was refused'));
    expect(await probe(tcp, at)).toEqual(replicaFailed('A connection to port 53 was refused'));
  });

  it('takes a connection that lasts, or that is spoken on', async () => {
    expect(await probe(tcp, await serving(() => undefined))).toEqual({ passed: true });
    expect(await probe(tcp, await serving((socket) => socket.end('220 ready\r\n')))).toEqual({ passed: true });
    await closed();
  });

  it('takes no connection that is closed at once, as an engine does without a listener behind a port', async () => {
    expect(await probe(tcp, await serving((socket) => socket.end()))).toEqual(replicaFailed('A connection to port 53 was closed at once'));
    expect(await probe(tcp, await serving((socket) => socket.resetAndDestroy()))).toMatchObject({ passed: false, fault: 'replica' });
  });

  it('blames the way, and not the replica, for a node that has no address', async () => {
    expect(await probe(tcp, { host: 'no-such-node.invalid', port: 80 })).toMatchObject({ passed: false, fault: 'way' });
  });
});
