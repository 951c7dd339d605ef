import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { until } from '../../../test/support/until';
import { loadConfig } from '../../config/app-config';
import type { ResolveHost } from '../../common/outgoing/resolve-host';
import { newWebhookSecret } from './signature';
import { WebhookSender } from './webhook-sender';
import { TargetRefused, TargetUnknown, WebhookTargets } from './webhook-targets';

const PUBLIC = { address: '93.184.215.14', family: 4 };
const LOOPBACK = { address: '127.0.0.1', family: 4 };
const secrets = [newWebhookSecret()];

const targetsWith = (resolve: ResolveHost, env: Record<string, string> = {}): WebhookTargets =>
  new WebhookTargets(loadConfig({ WEBHOOK_ALLOW_HTTP: 'true', ...env }), resolve);
const message = (url: string) => ({ url, id: 'an-id', timestamp: 1, body: '{}', secrets });
const never = new AbortController().signal;

describe('a webhook', () => {
  let server: Server;
  let port: number;
  let hits: number;
  beforeEach(async () => {
    hits = 0;
    server = createServer((_request, response) => {
      hits += 1;
      response.writeHead(200).end();
    });
    server.on('connection', () => (hits += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it('never reaches a private address, also when the name gets one after it was saved', async () => {
    let asked = 0;
    const targets = targetsWith(() => Promise.resolve([(asked += 1) === 1 ? PUBLIC : LOOPBACK]));
    const url = `http://rebinding.example:${String(port)}/`;
    await targets.check(url);
    expect(await new WebhookSender(targets).send(message(url), never)).toEqual({
      ok: false,
      status: null,
      words: 'url must lead to a public address',
    });
    expect([asked, hits]).toEqual([2, 0]);
  });

  it('reaches it when the operator allows the network: the control', async () => {
    const targets = targetsWith(() => Promise.resolve([LOOPBACK]), { WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1' });
    expect(await new WebhookSender(targets).send(message(`http://inside.example:${String(port)}/`), never)).toEqual({
      ok: true,
      status: 200,
    });
    expect(hits).toBe(2);
  });

  it('is refused when only one of the addresses of the name is private', async () => {
    const targets = targetsWith(() => Promise.resolve([PUBLIC, { address: 'fd00::1', family: 6 }]));
    await expect(targets.check('https://mixed.example/')).rejects.toThrow('public address');
  });

  it.each([
    ['127.0.0.1', 'the usual way'],
    ['127.1', 'shortened'],
    ['2130706433', 'as a number'],
    ['0x7f000001', 'in hexadecimal'],
    ['0177.0.0.1', 'in octal'],
    ['127.0.0.1.', 'with a dot at the end'],
    ['%31%32%37.0.0.1', 'with encoded digits'],
    ['１２７.0.0.1', 'with other digits'],
    ['[::1]', 'in IPv6'],
    ['[::ffff:127.0.0.1]', 'as IPv4 in IPv6'],
    ['[::ffff:7f00:1]', 'as IPv4 in IPv6, in hexadecimal'],
    ['[64:ff9b::7f00:1]', 'behind NAT64'],
    ['[2002:7f00:1::]', 'behind 6to4'],
    ['169.254.169.254', 'of the metadata service'],
    ['[fd00:ec2::254]', 'of the metadata service in IPv6'],
    ['0.0.0.0', 'of every interface'],
  ])('is refused for the address %s, %s, when saved and when sent', async (host) => {
    const targets = targetsWith(() => Promise.resolve([LOOPBACK]));
    const url = `http://${host}:${String(port)}/`;
    await expect(targets.check(url)).rejects.toThrow(TargetRefused);
    expect((await new WebhookSender(targets).send(message(url), never)).ok).toBe(false);
    expect(hits).toBe(0);
  });

  it.each([
    ['http://example.org/', /https/, {}],
    ['file:///etc/passwd', /https/, {}],
    ['gopher://example.org/', /https/, {}],
    ['https://user@example.org/', /user name/, {}],
    ['https://:pass@example.org/', /user name/, {}],
    ['https://example.org/#x', /fragment/, {}],
    ['https://example.org:22/', /port 22/, {}],
    ['https://example.org:80/', /port 80/, {}],
    ['https://example.org:5432/', /port 5432/, {}],
    ['https://example.org:6379/', /port 6379/, {}],
    [`https://example.org/${'x'.repeat(2_100)}`, /2048/, {}],
    ['//example.org/', /absolute/, {}],
  ])('is refused for %.40s', async (url, words) => {
    const targets = targetsWith(() => Promise.resolve([PUBLIC]), { WEBHOOK_ALLOW_HTTP: 'false' });
    await expect(targets.check(url)).rejects.toThrow(words);
  });

  it.each(['https://example.org/', 'https://example.org:8443/x?y=z', 'https://example.org:443/'])('may go to %s', async (url) => {
    await expect(targetsWith(() => Promise.resolve([PUBLIC])).check(url)).resolves.toBeUndefined();
  });

  it.each(['ETIMEOUT', 'ESERVFAIL', 'ECONNREFUSED', 'ECANCELLED'])(
    'is neither taken nor refused when no name server answers: %s',
    async (code) => {
      const silent = targetsWith(() => Promise.reject(Object.assign(new Error(code), { code })));
      await expect(silent.check('https://somewhere.example/')).rejects.toBeInstanceOf(TargetUnknown);
    },
  );

  it('is refused when the name is not known', async () => {
    for (const code of ['ENOTFOUND', 'ENODATA']) {
      const unknown = targetsWith(() => Promise.reject(Object.assign(new Error(code), { code })));
      await expect(unknown.check('https://nowhere.example/')).rejects.toBeInstanceOf(TargetRefused);
    }
    await expect(targetsWith(() => Promise.resolve([])).check('https://empty.example/')).rejects.toThrow('cannot be resolved');
  });

  it.each([
    ['stalls', 'Content-Length: 1000'],
    ['says that it switches protocols', 'Connection: Upgrade\r\nUpgrade: other'],
  ])('leaves no connection open when the target answers and %s: fifty sends once left fifty', async (_what, header) => {
    const open = new Set<Socket>();
    const stalling = createTcpServer((socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket)).on('error', () => undefined);
      const first = header.startsWith('Connection') ? 'HTTP/1.1 101 Switching Protocols' : 'HTTP/1.1 200 OK';
      socket.once('data', () => socket.write(`${first}\r\n${header}\r\n\r\nx`));
    });
    await new Promise<void>((resolve) => stalling.listen(0, '127.0.0.1', resolve));
    try {
      const sender = new WebhookSender(targetsWith(() => Promise.resolve([LOOPBACK]), { WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1' }));
      const url = `http://stalls.example:${String((stalling.address() as AddressInfo).port)}/`;
      expect((await sender.send(message(url), never)).ok).toBe(header.startsWith('Content'));
      // On a busy machine some of fifty at once take longer than a send may, and that must not leave anything open either.
      await Promise.all(Array.from({ length: 50 }, () => sender.send(message(url), never)));
      await until(() => open.size === 0, { what: 'no open connection' });
    } finally {
      open.forEach((socket) => socket.destroy());
      await new Promise((resolve) => stalling.close(resolve));
    }
  });

  it('that finds nobody says so, in words without addresses', async () => {
    const targets = targetsWith(() => Promise.resolve([LOOPBACK]), { WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1' });
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port: free } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    expect(await new WebhookSender(targets).send(message(`http://gone.example:${String(free)}/`), never)).toEqual({
      ok: false,
      status: null,
      words: 'The target could not be reached (ECONNREFUSED)',
    });
  });
});
