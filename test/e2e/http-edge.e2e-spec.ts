import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { PROBLEMS } from '../../src/common/problem/catalog';
import { deploy as deployFor, deployed, reaches, UNKNOWN_ID } from '../support/deployments';
import { readOpenApi, send } from '../support/openapi-client';
import { startTestApp, type TestApp } from '../support/test-app';

const UUID = /^[0-9a-f-]{36}$/;
const PROBLEM = 'application/problem+json; charset=utf-8';

describe('the HTTP edge', () => {
  let t: TestApp;
  const lines: string[] = [];
  const logStream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  beforeAll(async () => {
    t = await startTestApp({ env: { LOG_LEVEL: 'info' }, logStream });
  });
  afterAll(() => t?.close());

  const deploy = (body: string, type = 'application/json') =>
    t.as('ada').post('/api/deployment/deploy').set('Content-Type', type).send(body);

  describe('request ids', () => {
    it('returns a well-formed one and replaces any other', async () => {
      expect((await t.http.get('/health/live').set('X-Request-Id', 'my-id_1.2')).headers['x-request-id']).toBe('my-id_1.2');
      for (const bad of ['has space', 'x'.repeat(129), '{"a":1}', 'ü']) {
        expect((await t.http.get('/health/live').set('X-Request-Id', encodeURI(bad))).headers['x-request-id']).toMatch(UUID);
      }
    });

    it('is on every answer, also on errors, and the problem names it', async () => {
      for (const path of ['/nowhere', '/api/nowhere', '/api/deployment/list', '/api/%zz', '/docs', '/openapi.json']) {
        const { headers, body } = await t.http.get(path).set('X-Request-Id', 'abc');
        expect([path, headers['x-request-id'], (body as { request_id?: string }).request_id ?? 'abc']).toEqual([path, 'abc', 'abc']);
      }
    });
  });

  it('answers an unknown address with a problem that has every member', async () => {
    const { body } = await t.http
      .get('/api/nowhere?token=secret')
      .expect(404)
      .expect('Content-Type', PROBLEM)
      .expect('Cache-Control', 'no-store');
    expect(body).toEqual({
      type: 'urn:fog-compute:problem:not_found',
      title: PROBLEMS.not_found.title,
      status: 404,
      detail: 'There is nothing at this address.',
      instance: '/api/nowhere',
      code: 'not_found',
      request_id: expect.stringMatching(UUID) as string,
    });
  });

  it.each([
    '/api/deployment/list/',
    '/API/deployment/list',
    '/api//deployment/list',
    '/api/deployment/List',
    '/api/deployment/list;a=b',
    '/api/deployment/%6cist',
  ])('gives nothing away at %s', async (path) => {
    expect([401, 404]).toContain((await t.http.get(path)).status);
  });

  it('asks HEAD for a token like GET', async () => {
    await t.http.head('/api/deployment/list').expect(401).expect('WWW-Authenticate', 'Bearer');
    await t.as('ada').head('/api/deployment/list').expect(200);
  });

  it('says Bearer on every 401', async () => {
    for (const token of ['', 'Bearer', 'Bearer x.y.z', 'Basic YTpi']) {
      const { body } = await t.http
        .get('/api/deployment/list')
        .set('Authorization', token)
        .expect(401)
        .expect('WWW-Authenticate', 'Bearer');
      expect(body).toMatchObject({ code: 'unauthenticated', instance: '/api/deployment/list' });
    }
  });

  describe('bodies', () => {
    it.each([
      ['text', '{', '', /ends too early|double quotes/],
      ['two keys of one name', '{"name":"a","name":"b"}', '/name', /twice/],
      ['__proto__', '{"resources":{"__proto__":{"cpu":1}}}', '/resources/__proto__', /not allowed/],
      ['constructor', '{"constructor":{"prototype":{}}}', '/constructor', /not allowed/],
      ['3,000 nested arrays', '{"name":' + '['.repeat(3_000) + ']'.repeat(3_000) + '}', undefined, /deeper than 20/],
      ['80,000 empty objects', `[${'{},'.repeat(80_000)}{}]`, undefined, /2000 array elements/],
      ['a truncated escape', '{"name":"\\u00"}', '/name', /escape/],
      ['two documents', '{}{}', '', /after the end/],
      ['two byte order marks', '\ufeff\ufeff{}', '', /Expected a value/],
    ])('refuses %s with 400 and the place', async (_name, text, pointer, detail) => {
      const { body } = await deploy(text).expect(400).expect('Content-Type', PROBLEM);
      const { code, errors, detail: words } = body as { code: string; errors: { pointer: string; detail: string }[]; detail: string };
      expect(code).toBe('malformed_json');
      expect(errors[0]?.detail).toMatch(detail);
      if (pointer !== undefined) expect(errors[0]?.pointer).toBe(pointer);
      expect(words.length).toBeLessThan(300);
    });

    it.each(['null', '[]', '[{}]', '"text"', '3', 'true', ''])('refuses %p, which is no object, with 422', async (text) => {
      const { body } = await deploy(text).expect(422);
      expect(body).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '' }] });
    });

    it('refuses bytes that are not UTF-8', async () => {
      const { body } = await t
        .as('ada')
        .post('/api/deployment/deploy')
        .type('application/json')
        .serialize(String)
        .send(Buffer.from([0x7b, 0xff, 0x7d]));
      expect((body as { status: number }).status).toBeGreaterThanOrEqual(400);
      expect((body as { status: number }).status).toBeLessThan(500);
    });

    it.each([
      'text/plain',
      'application/json\ta',
      'application/jsonx',
      'application/json; charset=utf-16',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/merge-patch+json',
    ])('refuses Content-Type %p with 415', async (type) => {
      const { body } = await deploy('{"name":"a"}', type).expect(415).expect('Content-Type', PROBLEM).expect('Accept', 'application/json');
      expect(body).toMatchObject({ code: 'unsupported_media_type' });
    });

    it.each([
      'application/json',
      'application/json; charset=utf-8',
      'APPLICATION/JSON;charset=UTF-8',
      'application/json; charset=utf8',
      'application/json; charset="utf-8"',
      'application/json ; charset=utf-8',
      'application/json;charset=us-ascii',
      'application/json; odata=verbose; charset=utf-8',
      'application/json;',
      'application/json; charset',
    ])('accepts Content-Type %p', async (type) => {
      await deploy('{}', type).expect(422);
    });

    it('skips a byte order mark', async () => {
      const { body } = await deploy('\ufeff{"name":1}').expect(422);
      expect((body as { errors: unknown[] }).errors[0]).toMatchObject({ pointer: '/name' });
    });

    it('refuses a compressed body, and says that none may be', async () => {
      const { body } = await deploy('{}').set('Content-Encoding', 'gzip').expect(415).expect('Accept-Encoding', 'identity');
      expect(body).toMatchObject({ code: 'unsupported_media_type' });
      await deploy('{}').set('Content-Encoding', 'identity').expect(422);
    });

    it('refuses more than 256 kB with 413', async () => {
      const { body } = await deploy(JSON.stringify({ name: 'x'.repeat(300_000) }))
        .expect(413)
        .expect('Content-Type', PROBLEM);
      expect(body).toMatchObject({ code: 'payload_too_large' });
    });

    it('asks a route without a body for none', async () => {
      const path = '/api/deployment/00000000-0000-4000-8000-000000000000/stop';
      await t.as('ada').post(path).expect(404);
      await t.as('ada').post(path).set('Content-Type', 'application/json').send('').expect(404);
      const authorization = `Bearer ${await t.token('ada')}`;
      for (const type of [undefined, 'application/x-www-form-urlencoded', 'application/json', 'text/plain'])
        for (const framing of [{ 'Content-Length': '0' }, { 'Transfer-Encoding': 'chunked' }]) {
          const headers = { authorization, ...framing, ...(type === undefined ? {} : { 'Content-Type': type }) };
          expect([type, framing, (await send(t.url, { method: 'POST', path, headers })).status]).toEqual([type, framing, 404]);
        }
      for (const body of ['null', '[]', '{}']) await t.as('ada').post(path).type('json').send(body).expect(404);
      await t.as('ada').post(path).type('json').send('[1]').expect(422);
      await t.as('ada').post(path).type('text/plain').send('x').expect(415);
    });

    const sendNoChunk = async (method: string, path: string, token: string): Promise<number> =>
      (await send(t.url, { method, path, headers: { authorization: `Bearer ${token}`, 'Transfer-Encoding': 'chunked' } })).status;

    it('takes chunked framing without a chunk for no body on every route that has none', async () => {
      const token = await t.token('root', { admin: true });
      const { operations } = await readOpenApi(t.url);
      const bodiless = operations.filter(({ method, body, path }) => method !== 'GET' && !body && path !== '/api/auth/logout');
      for (const { name, method, path: template } of bodiless) {
        const path = template.replaceAll(/\{[^}]+\}/g, UNKNOWN_ID);
        const { status } = await send(t.url, { method, path, headers: { authorization: `Bearer ${token}` } });
        expect([name, await sendNoChunk(method, path, token)]).toEqual([name, status]);
        expect([name, [404, 409].includes(status)]).toEqual([name, true]);
      }
      expect(bodiless.map(({ name }) => name)).toContain('DELETE /api/deployment/{deployment_id}');
    });

    it('carries out what is asked for with chunked framing and no chunk, from stop to log-out', async () => {
      const token = await t.token('ada');
      const ask = (method: string, path: string): Promise<number> => sendNoChunk(method, `/api/deployment/${path}`, token);
      const failed = await deployFor(t, 'ada', { replicas: 100, resources: { cpu: 32, memory: 65_536 } });
      const id = await deployed(t, 'ada');
      expect(await ask('POST', `${id}/stop`)).toBe(202);
      await reaches(t, 'ada', id, 'stopped');
      expect(await ask('POST', `${id}/start`)).toBe(202);
      await reaches(t, 'ada', id, 'running');
      expect(await ask('DELETE', `${id}?wait=60`)).toBe(200);
      expect(await ask('POST', `${id}/restore`)).toBe(202);
      await reaches(t, 'ada', failed, 'failed');
      expect(await ask('POST', `${failed}/retry`)).toBe(202);
      const { body } = await t.http.post('/api/auth/login').send({ username: 'ada', password: 'Correct-Horse-7' }).expect(200);
      expect(await sendNoChunk('POST', '/api/auth/logout', (body as { access_token: string }).access_token)).toBe(204);
    });
  });

  it('refuses unknown query parameters with 400 and their name', async () => {
    const { body } = await t.as('ada').get('/api/deployment/list?limt=3').expect(400);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: 'limt' }] });
  });

  it('answers what is not HTTP with a problem', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(t.url).port), '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
      let text = '';
      socket
        .on('data', (chunk) => (text += chunk.toString()))
        .on('close', () => resolve(text))
        .on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1.1 400 [\s\S]*application\/problem\+json[\s\S]*invalid_request/);
  });

  describe('a fault of ours', () => {
    beforeAll(() => t.dataSource.query(`ALTER TABLE deployments RENAME TO deployments_gone`));
    afterAll(() => t.dataSource.query(`ALTER TABLE deployments_gone RENAME TO deployments`));

    it('begins with the words of the route and shows nothing else; the log has the cause under the request id', async () => {
      const id = '00000000-0000-4000-8000-000000000000';
      const { body, text } = await t.as('ada').get(`/api/deployment/status/${id}`).set('X-Request-Id', 'fault-1').expect(500);
      expect((body as { detail: string }).detail).toBe(
        'Failed to retrieve deployment status: an internal error occurred. Report the request id to your administrator.',
      );
      expect(text).not.toMatch(/relation|SELECT|deployments_gone|\.ts|node_modules/);

      const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line.request_id === 'fault-1');
      expect(logged).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            level: 'error',
            code: 'internal',
            err: expect.objectContaining({ message: expect.stringContaining('relation') as string }) as object,
          }),
          expect.objectContaining({ level: 'info', method: 'GET', route: '/api/deployment/status/:deployment_id', status: 500 }),
        ]) as unknown[],
      );
    });
  });

  it('logs one line per request, without tokens, bodies and query', async () => {
    const token = await t.token('ada');
    await t
      .as('ada')
      .post('/api/deployment/deploy?dry_run=sesame')
      .set('X-Request-Id', 'line-1')
      .send({ env: { A: 'hunter2' } });
    const logged = lines.filter((line) => line.includes('line-1'));
    expect(logged).toHaveLength(1);
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({
      level: 'info',
      msg: 'request',
      method: 'POST',
      route: '/api/deployment/deploy',
      user_id: await t.userId('ada'),
    });
    expect(lines.join('')).not.toMatch(new RegExp(`hunter2|sesame|${token}`));
  });
});
