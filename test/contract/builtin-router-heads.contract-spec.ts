import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Router } from '../../src/routing/builtin/router';
import { TrafficCounts } from '../../src/routing/builtin/traffic-counts';
import { until } from '../support/until';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const OFFER = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n';

/** Byte by byte: what the router reads in the heads of requests and answers, and what it makes of them. */
describe('the heads of requests and answers', () => {
  let router: Router;
  let counts: TrafficCounts;
  let replica: Server;
  let client: Socket;
  let port: number;
  const connections = new Set<Socket>();
  /** What the replica was sent, what it answers to each part, and what the client was sent, in Latin 1. */
  let [sent, answer, heard] = ['', OK, ''];

  beforeEach(async () => {
    [sent, answer, heard] = ['', OK, ''];
    replica = createServer((socket) => {
      connections.add(socket.on('error', () => undefined));
      socket.on('data', (data) => {
        sent += data.toString('latin1');
        socket.write(answer);
      });
    });
    await new Promise<void>((resolve) => replica.listen(0, '127.0.0.1', resolve));
    counts = new TrafficCounts();
    router = new Router({ host: '127.0.0.1', port: 0, trusted: [] }, counts);
    const backend = { replicaId: 'one', ports: { 80: `127.0.0.1:${(replica.address() as AddressInfo).port}` } };
    router.apply([
      { deploymentId: 'a', version: 1, routes: [{ host: 'a.example', pathPrefix: '/', port: 80 }], backends: [backend], leaving: [] },
    ]);
    port = await router.listen();
    client = connect(port, '127.0.0.1');
    client.on('data', (data) => (heard += data.toString('latin1')));
  });
  afterEach(async () => {
    client.destroy();
    await router.close();
    for (const socket of connections) socket.destroy();
    await new Promise((resolve) => replica.close(resolve));
  });

  it('passes on the host that a request in the form for proxies names, whatever `Host` says', async () => {
    client.write('GET http://a.example/x?y HTTP/1.1\r\nhost: b.example\r\n\r\n');
    await until(() => heard.endsWith('ok'), { what: 'the answer' });
    expect(sent).toContain('GET /x?y HTTP/1.1\r\nhost: a.example\r\n');
    expect(sent).not.toContain('b.example');
  });

  it('answers an offer of HTTP/2 as a plain request, with its body, and keeps the connection', async () => {
    client.write(`POST /1 HTTP/1.1\r\nhost: a.example\r\n${OFFER}content-length: 5\r\n\r\nhello`);
    await until(() => heard.endsWith('ok') && sent.endsWith('hello'), { what: 'the answer' });
    expect(sent).not.toMatch(/upgrade|http2-settings/i);
    [sent, heard] = ['', ''];
    client.write(`GET /2 HTTP/1.1\r\nhost: a.example\r\n${OFFER}\r\n`);
    await until(() => heard.endsWith('ok'), { what: 'the next answer on the same connection' });
    expect(sent).toMatch(/^GET \/2 HTTP/);
  });

  it('passes on what comes after an answer in parts, but for what concerns the connection', async () => {
    const parts = '2\r\nok\r\n0\r\nx-sum: 42\r\nkeep-alive: timeout=9\r\n\r\n';
    answer = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n${parts}`;
    client.write('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n');
    await until(() => heard.includes('\r\n0\r\n'), { what: 'the end of the body' });
    expect(heard).toMatch(/\r\n0\r\nx-sum: 42\r\n\r\n$/);
  });

  it('answers a question to the server itself, and counts what it has answered', async () => {
    client.write('OPTIONS * HTTP/1.1\r\nhost: a.example\r\n\r\n');
    await until(() => heard.startsWith('HTTP/1.1 204'), { what: 'the answer' });
    heard = '';
    client.write('GET / HTTP/1.1\r\nhost: b.example\r\n\r\nGET / HTTP/1.1\r\nhost: a.example\r\n\r\n');
    await until(() => heard.endsWith('ok'), { what: 'both answers' });
    expect(sent).not.toContain('OPTIONS');
    const { requests, answerSeconds } = counts.read();
    expect([...requests].filter(([, count]) => count > 0)).toEqual([
      ['2xx', 2],
      ['4xx', 1],
    ]);
    expect(answerSeconds?.counts.reduce((sum, count) => sum + count, 0)).toBe(3);
    await until(
      () => {
        router.live();
        return counts.read().openConnections === 1;
      },
      { what: 'the connection to be counted' },
    );
  });

  it('takes requests until whoever asks for it has heard that it leaves', async () => {
    client.write('OPTIONS * HTTP/1.1\r\nhost: a.example\r\n\r\n');
    await until(() => heard.startsWith('HTTP/1.1 204'), { what: 'the answer' });
    let isClosed = false;
    const closing = router.close().then(() => (isClosed = true));
    heard = '';
    client.destroy();
    client = connect(port, '127.0.0.1');
    client.on('data', (data) => (heard += data.toString('latin1')));
    client.write('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n');
    await until(() => heard.endsWith('ok'), { what: 'an answer over a new connection' });
    expect(isClosed).toBe(false);
    client.write('OPTIONS * HTTP/1.1\r\nhost: a.example\r\n\r\n');
    await until(() => heard.includes('HTTP/1.1 503'), { what: 'the word that it leaves' });
    await closing;
    client.destroy();
    client = connect(port, '127.0.0.1');
    const refused = await new Promise<unknown>((resolve) => client.once('error', resolve).once('connect', () => resolve(null)));
    expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it.each(['', 'connection: Upgrade\r\nupgrade: websocket\r\n'])('passes on an answer with letters of all languages (%j)', async (wish) => {
    answer = OK.replace('200 OK', '200 Größe 日本\r\nx-name: 日本');
    client.write(`GET / HTTP/1.1\r\nhost: a.example\r\n${wish}\r\n`);
    await until(() => heard.endsWith('ok'), { what: 'the answer' });
    expect(Buffer.from(heard, 'latin1').toString()).toContain('x-name: 日本\r\n');
  });
});
