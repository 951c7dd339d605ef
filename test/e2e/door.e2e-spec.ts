import { Agent, get, type IncomingMessage } from 'node:http';
import { send } from '../support/openapi-client';
import { startTestApp, type TestApp } from '../support/test-app';

const PROBLEM = 'application/problem+json; charset=utf-8';
const UNKNOWN = '00000000-0000-4000-8000-000000000000';

describe('methods', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  it.each([
    ['PUT', '/api/deployment/deploy', 'GET, HEAD, POST, PATCH, DELETE, OPTIONS'],
    ['GET', `/api/deployment/${UNKNOWN}/stop`, 'POST, OPTIONS'],
    ['POST', '/api/auth/me', 'GET, HEAD, PATCH, OPTIONS'],
    ['DELETE', '/openapi.json', 'GET, HEAD, OPTIONS'],
    ['POST', '/docs', 'GET, HEAD, OPTIONS'],
    ['POST', '/health/live?x=1', 'GET, HEAD, OPTIONS'],
  ])('%s %s is answered with 405 and what is allowed, also without a token', async (method, path, allow) => {
    const answer = await send(t.url, { method, path, headers: {} });
    expect([answer.status, answer.headers.allow, answer.headers['content-type']]).toEqual([405, allow, PROBLEM]);
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'method_not_allowed', status: 405 });
  });

  it('tells the methods of an address to OPTIONS', async () => {
    const answer = await send(t.url, { method: 'OPTIONS', path: `/api/deployment/${UNKNOWN}/protection`, headers: {} });
    expect([answer.status, answer.headers.allow, answer.text]).toEqual([204, 'PUT, DELETE, OPTIONS', '']);
  });

  it('tells OPTIONS the same with and without a token, and nothing about what is there', async () => {
    const path = `/api/deployment/${UNKNOWN}`;
    const [none, own] = await Promise.all([t.http.options(path).expect(204), t.as('ada').options(path).expect(204)]);
    expect([none.text, own.text, own.headers.allow]).toEqual(['', '', none.headers.allow]);
  });

  it.each(['GET', 'POST', 'OPTIONS', 'PROPFIND'])('%s of an address that has no method is 404', async (method) => {
    const answer = await send(t.url, { method, path: '/api/nowhere', headers: {} });
    expect([answer.status, answer.headers.allow]).toEqual([404, undefined]);
  });

  it('keeps an idle connection longer than proxies do, and says so', async () => {
    const agent = new Agent({ keepAlive: true });
    const { headers } = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${t.url}/health/live`, { agent }, (answer) => answer.resume().on('end', () => resolve(answer))).on('error', reject);
    });
    agent.destroy();
    expect(headers['keep-alive']).toBe('timeout=75');
  });

  it('says nothing to pages of other origins, unless told so', async () => {
    const headers = { Origin: 'https://console.example', 'Access-Control-Request-Method': 'GET' };
    for (const method of ['GET', 'OPTIONS']) {
      const answer = await send(t.url, { method, path: '/health/live', headers });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });
});

describe('names', () => {
  const ask = (t: TestApp, host: string, path = '/api/auth/me') => send(t.url, { method: 'GET', path, headers: { Host: host } });

  it('are those of loopback, addresses, HOST, PUBLIC_URL and ALLOWED_HOSTS', async () => {
    const t = await startTestApp({
      env: { HOST: 'fog.internal', PUBLIC_URL: 'https://Fog.Example.org/fog/', ALLOWED_HOSTS: 'console.example, .apps.example' },
    });
    try {
      for (const host of ['localhost', 'LOCALHOST:8000', 'a.localhost', '127.0.0.1', '[::1]:80', '10.0.0.7:8000', '[2001:db8::1]'])
        expect([host, (await ask(t, host)).status]).toEqual([host, 401]);
      for (const host of ['fog.internal', 'fog.example.org:443', 'fog.example.org.', 'console.example', 'a.b.apps.example'])
        expect([host, (await ask(t, host)).status]).toEqual([host, 401]);
      for (const host of [
        'evil.example',
        'apps.example',
        'xapps.example',
        'localhost.evil.example',
        '127.0.0.1.nip.io',
        'fog',
        'a@localhost',
      ]) {
        const answer = await ask(t, host);
        expect([host, answer.status, answer.headers['content-type']]).toEqual([host, 421, PROBLEM]);
        expect(JSON.parse(answer.text)).toMatchObject({ code: 'host_not_allowed' });
        for (const path of ['/docs', '/openapi.json', '/']) expect((await ask(t, host, path)).status).toBe(421);
      }
      for (const path of ['/health/live', '/health/ready']) expect((await ask(t, 'any.example', path)).status).toBe(200);
      expect((await ask(t, 'any.example', '/metrics')).status).toBe(401);
    } finally {
      await t.close();
    }
  });

  it('count for public metrics too, and `*` allows them all', async () => {
    const t = await startTestApp({ env: { METRICS_PUBLIC: 'true' } });
    try {
      expect((await ask(t, 'any.example', '/metrics')).status).toBe(421);
      expect((await ask(t, '10.1.2.3:8000', '/metrics')).status).toBe(200);
    } finally {
      await t.close();
    }
    const open = await startTestApp({ env: { ALLOWED_HOSTS: '*' } });
    try {
      expect((await ask(open, 'any.example')).status).toBe(401);
    } finally {
      await open.close();
    }
  });
});

describe('pages of other origins', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { CORS_ORIGINS: 'https://console.example, http://localhost:3000' } });
  });
  afterAll(() => t?.close());

  const preflight = (origin: string) =>
    send(t.url, {
      method: 'OPTIONS',
      path: '/api/deployment/deploy',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,idempotency-key',
      },
    });

  it('may call when they are listed, with our headers', async () => {
    const { status, headers } = await preflight('https://console.example');
    expect([status, headers['access-control-allow-origin']]).toEqual([204, 'https://console.example']);
    expect(headers['access-control-allow-headers']).toMatch(/Authorization.*Idempotency-Key.*If-Match/);
    expect(headers['access-control-allow-methods']).toMatch(/PATCH/);
    expect(headers['access-control-allow-credentials']).toBeUndefined();
    expect((await preflight('https://evil.example')).headers['access-control-allow-origin']).toBeUndefined();
  });

  it('can read refusals, and the headers of answers', async () => {
    const answer = await send(t.url, { method: 'GET', path: '/api/auth/me', headers: { Origin: 'http://localhost:3000' } });
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([401, 'http://localhost:3000']);
    expect(answer.headers['access-control-expose-headers']).toMatch(/ETag.*Location/);
    expect(answer.headers.vary).toMatch(/Origin/);
  });

  it('still get 405, and OPTIONS without an origin', async () => {
    const wrong = await send(t.url, { method: 'PUT', path: '/api/auth/me', headers: { Origin: 'http://localhost:3000' } });
    expect([wrong.status, wrong.headers['access-control-allow-origin']]).toEqual([405, 'http://localhost:3000']);
    expect((await send(t.url, { method: 'OPTIONS', path: '/api/auth/me', headers: {} })).headers.allow).toBe('GET, HEAD, PATCH, OPTIONS');
  });
});

describe('behind a path prefix', () => {
  it('addresses lead to PUBLIC_URL', async () => {
    const t = await startTestApp({ env: { PUBLIC_URL: 'https://fog.example.org/fog' } });
    try {
      const body = { name: 'web', type: 'compute', container_image: 'nginx:1.27', resources: { cpu: 0.5, memory: 512 } };
      const deployed = await t.as('ada').post('/api/deployment/deploy').set('Idempotency-Key', 'k').send(body).expect(202);
      const { deployment_id: id } = deployed.body as { deployment_id: string };
      expect(deployed.headers.location).toBe(`https://fog.example.org/fog/api/deployment/status/${id}`);
      const again = await t.as('ada').post('/api/deployment/deploy').set('Idempotency-Key', 'k').send(body).expect(202);
      expect(again.headers.location).toBe(deployed.headers.location);

      await t
        .as('ada')
        .post('/api/deployment/deploy')
        .send({ ...body, name: 'web-2' })
        .expect(202);
      const { headers } = await t.as('ada').get('/api/deployment/list?limit=1').expect(200);
      expect(headers.link).toMatch(/^<https:\/\/fog\.example\.org\/fog\/api\/deployment\/list\?limit=1&cursor=[^>]+>; rel="next"$/);
      const document = (await t.http.get('/openapi.json').expect(200)).body as { servers: { url: string }[] };
      expect(document.servers).toMatchObject([{ url: 'https://fog.example.org/fog' }]);
    } finally {
      await t.close();
    }
  });
});
