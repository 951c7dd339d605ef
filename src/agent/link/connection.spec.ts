import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ToAgent } from '../../runtime/agent/link-messages';
import { Connection, type Ending } from './connection';
import { Way } from './way';

const CHALLENGE: ToAgent = { type: 'challenge', nonce: 'n', protocols: { oldest: 1, newest: 1 } };

describe('a connection to the control plane', () => {
  const servers: { close(): unknown }[] = [];
  const stopping = new AbortController();
  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  const listening = async (server: Server | ReturnType<typeof createTcpServer>): Promise<number> => {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  /** A control plane that says something and then does this with the connection. */
  const speaking = async (then: (socket: WebSocket) => void): Promise<number> => {
    const server = createServer();
    const sockets = new WebSocketServer({ server, autoPong: false });
    sockets.on('connection', (socket) => {
      socket.send(JSON.stringify(CHALLENGE));
      then(socket);
    });
    servers.push({ close: () => sockets.clients.forEach((socket) => socket.terminate()) });
    return listening(server);
  };
  const run = async (
    port: number,
    way: { HTTPS_PROXY?: string; NO_PROXY?: string } = {},
  ): Promise<{ heard: ToAgent[]; ending: Ending }> => {
    const heard: ToAgent[] = [];
    const ending = await Connection.run({
      way: new Way({ SERVER_URL: `http://127.0.0.1:${port}/fog`, NO_PROXY: '', ...way }),
      signal: stopping.signal,
      pingMs: 100,
      onMessage: (message) => {
        heard.push(message);
        return Promise.resolve();
      },
      onClose: () => undefined,
    });
    return { heard, ending };
  };

  it('knows a restart of the control plane from a link that broke', async () => {
    expect(await run(await speaking((socket) => socket.close(1012)))).toEqual({
      heard: [CHALLENGE],
      ending: { clean: true, words: 'The control plane is being restarted' },
    });
    expect((await run(await speaking((socket) => socket.terminate()))).ending.clean).toBe(false);
  });

  it('says at once that it is closed, and has ended when what it was told has been worked on', async () => {
    const seen: string[] = [];
    await Connection.run({
      way: new Way({ SERVER_URL: `http://127.0.0.1:${await speaking((socket) => socket.close(1012))}/fog`, NO_PROXY: '' }),
      signal: stopping.signal,
      onMessage: async () => {
        await sleep(200);
        seen.push('worked on');
      },
      onClose: () => void seen.push('closed'),
    });
    expect(seen).toEqual(['closed', 'worked on']);
  });

  it('notices a link that is silent', async () => {
    const { ending } = await run(await speaking(() => undefined));
    expect(ending).toEqual({ clean: false, words: 'Nothing was heard of the control plane for three pings' });
  });

  it('says in words when nobody is there, and when somebody else is', async () => {
    const port = await listening(createServer((_request, reply) => reply.writeHead(404).end()));
    expect((await run(port)).ending.words).toMatch(/answered 404|could not be reached/);
    servers.splice(0).forEach((server) => server.close());
    expect((await run(port)).ending.words).toBe('The control plane could not be reached (ECONNREFUSED)');
  });

  it('goes through a proxy, unless NO_PROXY says otherwise', async () => {
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, client, head) => {
      asked.push(`${request.url ?? ''} ${request.headers['proxy-authorization'] ?? ''}`);
      const [host, port] = (request.url ?? '').split(':');
      const upstream = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.write(head);
        upstream.pipe(client).pipe(upstream);
      });
      for (const socket of [client, upstream]) socket.on('error', () => undefined);
    });
    const HTTPS_PROXY = `http://user:secret@127.0.0.1:${await listening(proxy)}`;
    const port = await speaking((socket) => socket.close(1001));
    expect((await run(port, { HTTPS_PROXY })).heard).toEqual([CHALLENGE]);
    expect(asked).toEqual([`127.0.0.1:${port} Basic ${Buffer.from('user:secret').toString('base64')}`]);
    expect((await run(port, { HTTPS_PROXY, NO_PROXY: '127.0.0.1' })).heard).toEqual([CHALLENGE]);
    expect(asked).toHaveLength(1);
    expect(new Way({ SERVER_URL: 'https://fog.example.org', HTTPS_PROXY, NO_PROXY: '' }).words).not.toContain('secret');
  });
});
