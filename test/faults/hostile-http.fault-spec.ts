import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { bearer, aUser } from '../support/auth-users';
import { UNKNOWN_ID } from '../support/deployments';
import { send } from '../support/openapi-client';
import { parse } from '../support/openapi-client-checks';
import { bearerOf } from '../support/openapi-client-identities';
import { startTestApp, type TestApp } from '../support/test-app';

const PATIENCE_MS = 30_000;
const PROBLEM = 'application/problem+json';

interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

describe('hostile HTTP', () => {
  let t: TestApp;
  let token: string;
  beforeAll(async () => {
    t = await startTestApp({ env: { ALLOWED_HOSTS: 'a' } });
    token = await t.token('ada');
  });
  afterAll(() => t?.close());

  const open = (): Socket => connect(Number(new URL(t.url).port), '127.0.0.1').on('error', () => undefined);

  /** All bytes that arrive until the server closes the connection. */
  const talk = (write: (socket: Socket) => void, patienceMs = 5_000): Promise<{ text: string; closed: boolean; ms: number }> =>
    new Promise((resolve) => {
      const begun = performance.now();
      let text = '';
      const socket = open();
      const end = (closed: boolean): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve({ text, closed, ms: performance.now() - begun });
      };
      const timer = setTimeout(() => end(false), patienceMs);
      socket.on('data', (chunk) => (text += chunk.toString('latin1'))).on('close', () => end(true));
      socket.on('connect', () => write(socket));
    });
  const answersIn = (text: string): RawAnswer[] =>
    text
      .split(/(?=HTTP\/1\.1 \d{3} )/)
      .filter((part) => part.startsWith('HTTP/1.1 '))
      .map((part) => {
        const [head = '', ...body] = part.split('\r\n\r\n');
        return { status: Number(part.slice(9, 12)), head, body: body.join('\r\n\r\n') };
      });
  const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n\r\n`;
  const expectRefused = ({ text, closed }: { text: string; closed: boolean }, status: number): void => {
    const answers = answersIn(text);
    expect(answers.map((answer) => answer.status)).toEqual([status]);
    expect(answers[0]?.head).toContain(PROBLEM);
    expect(answers[0]?.head).toMatch(/x-request-id: /i);
    expect(parse(answers[0]?.body ?? '')).toMatchObject({ status });
    expect(closed).toBe(true);
  };

  describe('one request that could be read as two', () => {
    const SMUGGLED = 'GET /api/auth/me HTTP/1.1\r\nHost: a\r\nX-Smuggled: 1\r\n\r\n';
    const post = (...headers: string[]): string =>
      lines('POST /api/auth/refresh HTTP/1.1', 'Host: a', 'Content-Type: application/json', ...headers);

    it.each<[string, () => string]>([
      ['a length and chunks', () => `${post('Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n${SMUGGLED}`],
      ['chunks and a length', () => `${post('Transfer-Encoding: chunked', 'Content-Length: 4')}0\r\n\r\n${SMUGGLED}`],
      ['two lengths', () => `${post('Content-Length: 2', 'Content-Length: 60')}{}${SMUGGLED}`],
      ['two lengths in one line', () => `${post('Content-Length: 2, 60')}{}${SMUGGLED}`],
      ['a length with a sign', () => `${post('Content-Length: +2')}{}${SMUGGLED}`],
      ['a negative length', () => `${post('Content-Length: -1')}${SMUGGLED}`],
      ['a length in hex', () => `${post('Content-Length: 0x2')}{}${SMUGGLED}`],
      ['a space before the colon', () => `${post('Content-Length : 60')}{}${SMUGGLED}`],
      ['chunks of another coding', () => `${post('Transfer-Encoding: chunked, identity')}0\r\n\r\n${SMUGGLED}`],
      ['chunks in odd letters', () => `${post('Transfer-Encoding: xchunked')}0\r\n\r\n${SMUGGLED}`],
      ['a chunk size that is none', () => `${post('Transfer-Encoding: chunked')}zz\r\n{}\r\n0\r\n\r\n${SMUGGLED}`],
      ['a folded header', () => `${post('X-A: b\r\n Transfer-Encoding: chunked')}${SMUGGLED}`],
      ['a NUL in a header', () => `${post('X-A: b\0c')}${SMUGGLED}`],
      ['a line feed alone', () => 'POST /api/auth/refresh HTTP/1.1\nHost: a\nContent-Length: 0\n\n' + SMUGGLED],
      ['no host', () => `GET /api/auth/me HTTP/1.1\r\n\r\n${SMUGGLED}`],
      ['a version of its own', () => `GET /api/auth/me HTTP/3.7\r\nHost: a\r\n\r\n${SMUGGLED}`],
      ['a method of its own', () => `SMUGGLE /api/auth/me HTTP/1.1\r\nHost: a\r\n\r\n${SMUGGLED}`],
    ])('%s: is refused with 400, the connection ends, and the second is never read', async (_name, text) => {
      expectRefused(await talk((socket) => socket.write(text())), 400);
    });
  });

  it.each([
    ['20 kB in one header', `X-A: ${'a'.repeat(20_000)}`],
    ['20 kB in 400 headers', Array.from({ length: 400 }, (_u, n) => `X-${String(n)}: ${'a'.repeat(50)}`).join('\r\n')],
  ])('%s: 431', async (_name, header) => {
    expectRefused(await talk((socket) => socket.write(lines('GET /health/live HTTP/1.1', 'Host: a', header))), 431);
  });

  it('20 kB of address: 431', async () => {
    expectRefused(await talk((socket) => socket.write(lines(`GET /${'a'.repeat(20_000)} HTTP/1.1`, 'Host: a'))), 431);
  });

  it('answers pipelined requests in their order, each with its own rights', async () => {
    const one = (path: string, ...headers: string[]): string => lines(`GET ${path} HTTP/1.1`, 'Host: a', ...headers);
    const { text } = await talk((socket) =>
      socket.write(
        one('/api/auth/me', `Authorization: Bearer ${token}`, 'X-Request-Id: one') +
          one('/api/auth/me', 'X-Request-Id: two') +
          one('/health/live', 'X-Request-Id: three', 'Connection: close'),
      ),
    );
    const answers = answersIn(text);
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 200]);
    expect(answers.map(({ head }) => /x-request-id: (\w+)/i.exec(head)?.[1])).toEqual(['one', 'two', 'three']);
  });

  it('does not decompress a request', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const before = process.memoryUsage().rss;
    for (const coding of ['gzip', 'deflate', 'br', 'identity, gzip']) {
      const headers = { 'Content-Type': 'application/json', 'Content-Encoding': coding, ...bearerOf(token) };
      const answer = await send(t.url, { method: 'POST', path: '/api/deployment/deploy', headers, body: bomb });
      expect([400, 415]).toContain(answer.status);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000);
  });

  it.each(['TRACE', 'CONNECT', 'PUT', 'PROPFIND', 'QUERY'])('%s reaches nothing', async (method) => {
    const { text } = await talk((socket) =>
      socket.write(lines(`${method} /api/deployment/list HTTP/1.1`, 'Host: a', 'X-Secret-Echo: canary', 'Connection: close')),
    );
    const [answer] = answersIn(text);
    // CONNECT is a request for a tunnel: Node closes the connection without a word.
    if (method === 'CONNECT') expect(text).toBe('');
    else expect([400, 404, 405]).toContain(answer?.status);
    expect(text).not.toContain('canary');
    expect(text).not.toMatch(/access-control-allow/i);
  });

  it('ignores headers that name another method', async () => {
    for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
      const headers = { [name]: 'DELETE', ...bearerOf(token) };
      const answer = await send(t.url, { method: 'GET', path: `/api/deployment/${UNKNOWN_ID}`, headers });
      expect(answer.text).toContain(`Deployment ${UNKNOWN_ID} not found or access denied`);
      expect((await send(t.url, { method: 'POST', path: `/api/deployment/${UNKNOWN_ID}`, headers })).status).toBe(405);
    }
  });

  it('answers an Expect that it does not know as if it were not there, with a request id', async () => {
    const { text } = await talk((socket) =>
      socket.write(lines('GET /api/auth/me HTTP/1.1', 'Host: a', 'Expect: a-miracle', 'X-Request-Id: it', 'Connection: close')),
    );
    expect(answersIn(text).map(({ status, head }) => [status, /x-request-id: (\w+)/i.exec(head)?.[1]])).toEqual([[401, 'it']]);
  });

  it('does not upgrade a connection', async () => {
    const { text } = await talk((socket) =>
      socket.write(lines('GET /health/live HTTP/1.1', 'Host: a', 'Connection: Upgrade, close', 'Upgrade: websocket')),
    );
    expect(text).not.toMatch(/^HTTP\/1\.1 101/);
  });

  it('ends slow headers and slow bodies in time, and answers others meanwhile', async () => {
    const drip = (start: string, piece: string) => (socket: Socket) => {
      socket.write(start);
      const timer = setInterval(() => socket.write(piece), 500);
      socket.on('close', () => clearInterval(timer));
    };
    const slow = Array.from({ length: 20 }, (_u, n) =>
      talk(
        n % 2 === 0
          ? drip('GET /api/auth/me HTTP/1.1\r\nHost: a\r\n', 'X-A: b\r\n')
          : drip(lines('POST /api/auth/refresh HTTP/1.1', 'Host: a', 'Content-Type: application/json', 'Content-Length: 100000'), ' '),
        PATIENCE_MS,
      ),
    );
    let slowest = 0;
    const timer = setInterval(() => {
      void send(t.url, { method: 'GET', path: '/api/auth/me', headers: bearerOf(token) }).then(
        ({ ms }) => (slowest = Math.max(slowest, ms)),
      );
    }, 250);
    const ends = await Promise.all(slow);
    clearInterval(timer);
    for (const [n, { text, closed, ms }] of ends.entries()) {
      expect(closed).toBe(true);
      expect(ms).toBeLessThan(n % 2 === 0 ? 14_900 : 25_000);
      expect(answersIn(text).map(({ status }) => status)).toEqual([408]);
    }
    expect(slowest).toBeLessThan(3_000);
  });

  it('serves others while 200 idle connections are kept and 50 clients never read', async () => {
    const medianMs = async (): Promise<number> => {
      const asked = Array.from({ length: 100 }, () => send(t.url, { method: 'GET', path: '/api/auth/me', headers: bearerOf(token) }));
      const answers = await Promise.all(asked);
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      return answers.map(({ ms }) => ms).sort((x, y) => x - y)[50] ?? Infinity;
    };
    const alone = await medianMs();
    const agent = new Agent({ keepAlive: true, maxSockets: 200, maxFreeSockets: 200 });
    const once = (): Promise<void> =>
      new Promise((resolve, reject) =>
        get(`${t.url}/health/live`, { agent }, (answer) => answer.resume().on('end', resolve)).on('error', reject),
      );
    await Promise.all(Array.from({ length: 200 }, once));
    const deaf = Array.from({ length: 50 }, () => {
      const socket = open().pause();
      socket.on('connect', () => {
        for (let n = 0; n < 4; n++) socket.write(lines('GET /openapi.json HTTP/1.1', 'Host: a'));
      });
      return socket;
    });
    // These are answered while the documents are made and sent, which costs the same when they are read.
    await medianMs();
    // Compared with the time before, since other tests share the two cores.
    expect(await medianMs()).toBeLessThan(alone * 4 + 500);
    for (const socket of deaf) socket.destroy();
    agent.destroy();
  });
});

describe('floods', () => {
  const LIMIT = 40;
  const flood = async (t: TestApp, count: number, headersOf: (n: number) => Record<string, string>, path = '/api/auth/me') => {
    const answers = await Promise.all(
      Array.from({ length: count }, (_u, n) => send(t.url, { method: 'GET', path, headers: headersOf(n) })),
    );
    const refused = answers.filter(({ status }) => status === 429);
    for (const { headers, text } of refused) {
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60);
      expect(headers['content-type']).toContain(PROBLEM);
      expect(parse(text)).toMatchObject({ code: 'rate_limited', status: 429 });
    }
    expect(answers.every(({ status }) => status < 500)).toBe(true);
    return { passed: answers.length - refused.length, refused: refused.length };
  };
  const withApp = async (env: Record<string, string>, work: (t: TestApp) => Promise<void>): Promise<void> => {
    const t = await startTestApp({ env: { RATE_LIMIT_PER_MINUTE: String(LIMIT), ...env } });
    try {
      await work(t);
    } finally {
      await t.close();
    }
  };

  it('of one address are cut at the limit, whatever it says of itself and whoever it claims to be', async () => {
    await withApp({}, async (t) => {
      const [ada, bob] = [await t.token('ada'), await t.token('bob')];
      const forged = (n: number) => ({
        'X-Forwarded-For': `198.51.100.${String(n % 250)}`,
        'X-Real-IP': `198.51.100.${String(n % 250)}`,
        Forwarded: `for=198.51.100.${String(n % 250)}`,
        'CF-Connecting-IP': `198.51.100.${String(n % 250)}`,
        ...bearerOf(n % 3 === 0 ? ada : n % 3 === 1 ? bob : null),
      });
      expect(await flood(t, 300, forged)).toEqual({ passed: LIMIT, refused: 300 - LIMIT });
      expect((await flood(t, 20, () => ({}), '/health/ready')).refused).toBe(0);
    });
  });

  it.each(['/openapi.json', '/docs', '/nowhere'])('of %s are cut like any other', async (path) => {
    await withApp({}, async (t) => {
      expect(await flood(t, 100, () => ({}), path)).toEqual({ passed: LIMIT, refused: 100 - LIMIT });
    });
  });

  it('are cut before a body is read', async () => {
    await withApp({}, async (t) => {
      await flood(t, LIMIT, () => ({}));
      const headers = { 'Content-Type': 'application/json' };
      expect((await send(t.url, { method: 'POST', path: '/api/auth/refresh', headers, body: '{' })).status).toBe(429);
    });
  });

  it('of one token are cut at the limit over all addresses, and another token is not touched', async () => {
    await withApp({ TRUSTED_PROXIES: '127.0.0.1' }, async (t) => {
      const [ada, bob] = [await t.token('ada'), await t.token('bob')];
      const from = (token: string) => (n: number) => ({
        'X-Forwarded-For': `198.51.${String(Math.floor(n / 250))}.${String(n % 250)}`,
        ...bearerOf(token),
      });
      expect(await flood(t, 300, from(ada))).toEqual({ passed: LIMIT, refused: 300 - LIMIT });
      expect(await flood(t, 20, (n) => from(bob)(n + 400))).toEqual({ passed: 20, refused: 0 });
    });
  });

  it('behind a trusted proxy count for the address that the proxy saw, not for what the client put before it', async () => {
    await withApp({ TRUSTED_PROXIES: '127.0.0.0/8' }, async (t) => {
      const chain = (n: number) => ({ 'X-Forwarded-For': `203.0.113.${String(n % 250)}, 198.51.100.7` });
      expect(await flood(t, 120, chain)).toEqual({ passed: LIMIT, refused: 120 - LIMIT });
      expect((await flood(t, 5, () => ({ 'X-Forwarded-For': '198.51.100.8' }))).refused).toBe(0);
      const inside64 = (n: number) => ({ 'X-Forwarded-For': `2001:db8::${n.toString(16)}` });
      expect(await flood(t, 120, inside64)).toEqual({ passed: LIMIT, refused: 120 - LIMIT });
    });
  });

  it('of log-ins are cut before a password is hashed', async () => {
    await withApp({ AUTH_RATE_LIMIT_PER_MINUTE: '6', RATE_LIMIT_PER_MINUTE: '0' }, async (t) => {
      const user = await aUser(t, 'ada'); // one registration and one log-in of the six
      const begun = performance.now();
      const answers = await Promise.all(
        Array.from({ length: 200 }, () => t.http.post('/api/auth/login').send({ username: 'ada', password: 'Wrong-Horse-7' })),
      );
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(4);
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(196);
      expect(performance.now() - begun).toBeLessThan(5_000);
      await t.http.get('/api/auth/me').set(bearer(user.accessToken)).expect(200);
    });
  });
});
