import { createSecretKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { loadConfig } from '../../src/config/app-config';
import { createApp } from '../../src/create-app';
import { aUser, anAdmin, bearer, type LoggedIn } from '../support/auth-users';
import { startTestApp, TEST_ENV, type TestApp } from '../support/test-app';
import { signJwt } from '../support/jwt';
import { until } from '../support/until';

const JWT_SECRET = 'a-secret-that-only-these-tests-know-0123456789';
const KEY = createSecretKey(Buffer.from(JWT_SECRET));
const HEADER = { alg: 'HS256', typ: 'at+jwt' };
const now = () => Math.floor(Date.now() / 1000);

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const without = (claims: Record<string, unknown>, name: string): Record<string, unknown> => ({ ...claims, [name]: undefined });

describe('access tokens', () => {
  let t: TestApp;
  let user: LoggedIn;
  let good: Record<string, unknown>;
  beforeAll(async () => {
    t = await startTestApp({ env: { JWT_SECRET } });
    user = await aUser(t, 'ada');
    const { sid } = JSON.parse(Buffer.from(user.accessToken.split('.')[1] ?? '', 'base64url').toString()) as { sid: string };
    good = { iss: 'fog-compute', aud: 'fog-compute', sub: user.id, sid, jti: randomUUID(), iat: now(), exp: now() + 300 };
  });
  afterAll(() => t?.close());

  const probe = (token: string) => t.http.get('/api/auth/me').set(bearer(token));

  it('opens closed routes with a well-made token, whatever the case of the scheme', async () => {
    const { body } = await probe(signJwt(HEADER, good, KEY)).expect(200);
    expect(body).toMatchObject({ id: user.id, username: 'ada' });
    await probe(signJwt({ alg: 'HS256', typ: 'JWT' }, good, KEY)).expect(200);
    await probe(signJwt({ alg: 'HS256' }, { ...good, aud: ['other', 'fog-compute'] }, KEY)).expect(200);
    await t.http.get('/api/auth/me').set('Authorization', `bearer ${user.accessToken}`).expect(200);
    await t.http.get('/api/auth/me').set('Authorization', `BEARER ${user.accessToken}`).expect(200);
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = rsa.publicKey.export({ format: 'jwk' });
  const ATTACKS: Record<string, () => string> = {
    'no algorithm': () => signJwt({ alg: 'none', typ: 'JWT' }, good, KEY),
    'an algorithm of another case': () => `${encode({ alg: 'nOnE' })}.${encode(good)}.x`,
    HS384: () => signJwt({ ...HEADER, alg: 'HS384' }, good, KEY),
    HS512: () => signJwt({ ...HEADER, alg: 'HS512' }, good, KEY),
    'RS256 by a key of its own': () => signJwt({ ...HEADER, alg: 'RS256' }, good, rsa.privateKey),
    'another secret': () => signJwt(HEADER, good, createSecretKey(Buffer.from('another-secret-of-sufficient-length!'))),
    'an empty secret': () => signJwt(HEADER, good, ''),
    'a stripped signature': () => signJwt(HEADER, good, KEY).replace(/[^.]*$/, ''),
    'a payload changed after signing': () => signJwt(HEADER, good, KEY).replace(/\.[^.]*\./, `.${encode({ ...good, sub: randomUUID() })}.`),
    'an unknown critical header': () => signJwt({ ...HEADER, crit: ['exp2'], exp2: 1 }, good, KEY),
    'b64 false': () => signJwt({ ...HEADER, b64: false, crit: ['b64'] }, good, KEY),
    'b64 false without crit': () => signJwt({ ...HEADER, b64: false }, good, KEY),
    'an embedded key': () => signJwt({ ...HEADER, alg: 'RS256', jwk }, good, rsa.privateKey),
    'an embedded key beside a good signature': () => signJwt({ ...HEADER, jwk }, good, KEY),
    'a jku': () => signJwt({ ...HEADER, jku: 'http://127.0.0.1:9/keys' }, good, KEY),
    'an x5u': () => signJwt({ ...HEADER, x5u: 'http://127.0.0.1:9/cert' }, good, KEY),
    'a kid that is not a string': () => signJwt({ ...HEADER, kid: { path: '/dev/null' } }, good, KEY),
    'a kid that points to a file': () => signJwt({ ...HEADER, kid: '../../dev/null' }, good, ''),
    'a wrong type': () => signJwt({ ...HEADER, typ: 'id+jwt' }, good, KEY),
    'a type that is not a string': () => signJwt({ ...HEADER, typ: 1 }, good, KEY),
    'no exp': () => signJwt(HEADER, without(good, 'exp'), KEY),
    'no iat': () => signJwt(HEADER, without(good, 'iat'), KEY),
    'no aud': () => signJwt(HEADER, without(good, 'aud'), KEY),
    'no iss': () => signJwt(HEADER, without(good, 'iss'), KEY),
    'no sub': () => signJwt(HEADER, without(good, 'sub'), KEY),
    'no jti': () => signJwt(HEADER, without(good, 'jti'), KEY),
    'no sid': () => signJwt(HEADER, without(good, 'sid'), KEY),
    'another audience': () => signJwt(HEADER, { ...good, aud: 'other' }, KEY),
    'another issuer': () => signJwt(HEADER, { ...good, iss: 'other' }, KEY),
    'an issuer list': () => signJwt(HEADER, { ...good, iss: ['fog-compute'] }, KEY),
    'an exp in the past': () => signJwt(HEADER, { ...good, iat: now() - 600, exp: now() - 1 }, KEY),
    'an exp in 2999': () => signJwt(HEADER, { ...good, exp: 32_472_144_000 }, KEY),
    'an exp that is text': () => signJwt(HEADER, { ...good, exp: String(now() + 300) }, KEY),
    'an iat in the future': () => signJwt(HEADER, { ...good, iat: now() + 120, exp: now() + 300 }, KEY),
    'an nbf in the future': () => signJwt(HEADER, { ...good, nbf: now() + 120 }, KEY),
    'a sub that is an object': () => signJwt(HEADER, { ...good, sub: { id: user.id } }, KEY),
    'a sub that is not a UUID': () => signJwt(HEADER, { ...good, sub: 'ada' }, KEY),
    "another user's session": () => signJwt(HEADER, { ...good, sub: randomUUID() }, KEY),
    'an unknown session': () => signJwt(HEADER, { ...good, sid: randomUUID() }, KEY),
    'a sid that is not a UUID': () => signJwt(HEADER, { ...good, sid: "' OR 1=1" }, KEY),
    'a payload that is a list': () => signJwt(HEADER, [good], KEY),
    'trailing bytes': () => `${signJwt(HEADER, good, KEY)}AA`,
    'a fourth part': () => `${signJwt(HEADER, good, KEY)}.e30`,
    padding: () => `${signJwt(HEADER, good, KEY)}=`,
    'no JSON': () => `${Buffer.from('{').toString('base64url')}.${encode(good)}.x`,
    'five parts (JWE)': () => 'a.b.c.d.e',
    'an unknown API token': () => `fog_${'A'.repeat(43)}`,
    'a refresh token': () => user.refreshToken,
    'a very long token': () => 'A'.repeat(9000),
  };

  it.each(Object.keys(ATTACKS))('refuses %s with the same words', async (name) => {
    const answer = await probe(ATTACKS[name]?.() ?? '').expect(401);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    expect(answer.body).toMatchObject({ code: 'unauthenticated', detail: 'Could not validate credentials' });
  });

  it('reads the token from the one Authorization header and from nowhere else', async () => {
    const token = user.accessToken;
    const missing = await t.http.get('/api/auth/me').expect(401);
    expect(missing.body).toMatchObject({ code: 'unauthenticated', detail: 'Not authenticated' });
    expect(missing.headers['www-authenticate']).toMatch(/^Bearer/);
    await t.http.get(`/api/auth/me?access_token=${token}`).expect(401);
    await t.http.get('/api/auth/me').set('Cookie', `access_token=${token}`).expect(401);
    await t.http.post('/api/auth/tokens').send({ access_token: token, name: 'x' }).expect(401);
    for (const header of [
      token,
      `Basic ${token}`,
      `Bearer`,
      `Bearer  `,
      `Bearer ${token} x`,
      `Bearer ${token}, Bearer ${token}`,
      `JWT ${token}`,
    ]) {
      await t.http.get('/api/auth/me').set('Authorization', header).expect(401);
    }
  });

  it('refuses two Authorization headers, even of the same token', async () => {
    const line = `Authorization: Bearer ${user.accessToken}`;
    expect(await rawStatus(t, ['GET /api/auth/me HTTP/1.1', line])).toBe(200);
    expect(await rawStatus(t, ['GET /api/auth/me HTTP/1.1', line, line])).toBe(401);
    expect(await rawStatus(t, ['GET /api/auth/me HTTP/1.1', line, 'authorization: Bearer x'])).toBe(401);
  });

  it('closes every route that is not marked public, HEAD included, and says 404 where there is none', async () => {
    await t.http.head('/api/auth/me').expect(401);
    await t.http.head('/api/auth/me').set(bearer(user.accessToken)).expect(200);
    await t.http.get('/health/live').expect(200);
    await t.http.get('/health/live').set(bearer('nonsense')).expect(200);
    await t.http.get('/api/auth/none').expect(404);
    for (const path of [
      '//api/auth/me',
      '/api//auth/me',
      '/api/auth/me/',
      '/API/auth/me',
      '/api/auth/%6de',
      '/api/auth/me;x',
      '/api/./auth/me',
    ]) {
      const { status } = await t.http.get(path);
      expect([400, 401, 404]).toContain(status);
    }
  });

  it('keeps routes for administrators to administrators', async () => {
    const { body } = await t.http.patch(`/api/auth/users/${user.id}`).set(bearer(user.accessToken)).send({ is_active: true }).expect(403);
    expect(body).toMatchObject({ code: 'admin_required' });
    const admin = await anAdmin(t);
    await t.http.patch(`/api/auth/users/${admin.id}`).set(bearer(admin.accessToken)).send({ is_active: true }).expect(200);
  });

  it('refuses access tokens of a local key that was changed; refresh and API tokens go on, because the key did not make them', async () => {
    const ada = await aUser(t);
    const made = await t.http.post('/api/auth/tokens').set(bearer(ada.accessToken)).send({ name: 'ci' }).expect(201);
    const restarted = await createApp(
      loadConfig({ ...TEST_ENV, DATABASE_URL: t.databaseUrl, ROLE: 'api', JWT_SECRET: 'the-secret-that-comes-after-the-old-one-leaked' }),
    );
    try {
      const me = (token: string) => restarted.inject({ url: '/api/auth/me', headers: bearer(token) });
      expect((await me(ada.accessToken)).statusCode).toBe(401);
      expect((await me((made.body as { token: string }).token)).statusCode).toBe(200);
      const refresh = { method: 'POST', url: '/api/auth/refresh', payload: { refresh_token: ada.refreshToken } } as const;
      const pair = await restarted.inject(refresh);
      expect(pair.statusCode).toBe(200);
      const { access_token: next } = pair.json<{ access_token: string }>();
      expect((await me(next)).statusCode).toBe(200);
      await probe(next).expect(401);
    } finally {
      await restarted.close();
    }
  });

  it('notices within five seconds what another process revoked or switched off', async () => {
    const gone = await aUser(t);
    const off = await aUser(t);
    await probe(gone.accessToken).expect(200);
    await probe(off.accessToken).expect(200);
    await t.dataSource.query(`UPDATE sessions SET revoked_at = now() WHERE user_id = $1`, [gone.id]);
    await t.dataSource.query(`UPDATE users SET is_active = false WHERE id = $1`, [off.id]);
    const untilRefused = (token: string): Promise<unknown> =>
      until(async () => (await probe(token)).status !== 200, { timeoutMs: 5_000, everyMs: 100, what: 'the refusal' });
    await Promise.all([untilRefused(gone.accessToken), untilRefused(off.accessToken)]);
    await probe(gone.accessToken).expect(401);
    const { body } = await probe(off.accessToken).expect(403);
    expect(body).toMatchObject({ code: 'inactive_user', detail: 'Inactive user' });
  });
});

/** The status of a request written byte by byte, because clients join or drop repeated headers. */
function rawStatus({ app }: TestApp, lines: string[]): Promise<number> {
  const { port } = app.getHttpServer().address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write([...lines, 'Host: localhost', 'Connection: close', '', ''].join('\r\n')));
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('end', () => resolve(Number(text.split(' ')[1])));
    socket.on('error', reject);
  });
}
