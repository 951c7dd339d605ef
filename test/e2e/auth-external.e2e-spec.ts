import { createSecretKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { aUser, anAdmin, bearer, logIn } from '../support/auth-users';
import { TestIssuer } from '../support/issuer';
import { signJwt } from '../support/jwt';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('tokens of an outside issuer', () => {
  let issuer: TestIssuer;
  let t: TestApp;
  beforeAll(async () => {
    issuer = await new TestIssuer().start();
    t = await startTestApp({ env: { ...issuer.environment, JWT_JWKS_CACHE_SECONDS: '2' } });
  });
  afterAll(async () => {
    await t?.close();
    await issuer?.stop();
  });

  const me = (token: string) => t.http.get('/api/auth/me').set(bearer(token));
  const usersOf = (sub: string) =>
    t.dataSource.query<{ id: string; username: string; email: string }[]>(
      `SELECT id, username, email FROM users WHERE external_subject = $1`,
      [sub],
    );

  it('make their user on first use, by name and verified address', async () => {
    const sub = 'auth0|4711';
    const { body } = await me(
      issuer.token({ sub, preferred_username: 'Grace.Hopper@example.org', email: 'Grace@Example.org', email_verified: true }),
    ).expect(200);
    expect(body).toMatchObject({ username: 'grace-hopper', email: 'grace@example.org', is_active: true, is_admin: false });
    const again = await me(issuer.token({ sub, preferred_username: 'somebody-else' })).expect(200);
    expect(again.body).toEqual(body);
  });

  it('give their user the quota of those who register by themselves, once', async () => {
    const limited = await startTestApp({ env: { ...issuer.environment, REGISTRATION_QUOTA: 'deployments=1,gpu_units=0' } });
    try {
      const token = issuer.token({ sub: randomUUID() });
      const { body } = await limited.http.get('/api/auth/me').set(bearer(token)).expect(200);
      const { id } = body as { id: string };
      const root = limited.as('root', { admin: true });
      expect((await root.get(`/api/users/${id}`).expect(200)).body).toMatchObject({ quota: { deployments: 1, gpu_units: 0 } });
      await root.patch(`/api/users/${id}`).send({ quota: {} }).expect(200);
      await limited.http.get('/api/auth/me').set(bearer(token)).expect(200);
      expect((await root.get(`/api/users/${id}`).expect(200)).body).toMatchObject({ quota: {} });
    } finally {
      await limited.close();
    }
  });

  it('may come without a name and an address', async () => {
    const sub = randomUUID();
    const { body } = await me(issuer.token({ sub })).expect(200);
    expect(body).toMatchObject({ username: sub, email: expect.stringMatching(/@users\.invalid$/) as string });
  });

  it('never take over a local account of the same name or address', async () => {
    const local = await aUser(t, 'linus');
    const sub = randomUUID();
    const { body } = await me(issuer.token({ sub, preferred_username: 'linus', email: 'linus@example.org' })).expect(200);
    const { id, username, email } = body as { id: string; username: string; email: string };
    expect(id).not.toBe(local.id);
    expect(username).toMatch(/^linus-[0-9a-f]{8}$/);
    expect(email).toMatch(/\.invalid$/);
  });

  it('leave out an address that the issuer has not verified', async () => {
    const { body } = await me(issuer.token({ email: 'victim@example.org', email_verified: false })).expect(200);
    expect((body as { email: string }).email).toMatch(/\.invalid$/);
  });

  it('make one user when many come at once', async () => {
    const sub = randomUUID();
    const claims = { sub, preferred_username: 'crowd', email: 'crowd@example.org' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => me(issuer.token(claims))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await usersOf(sub)).toHaveLength(1);
  });

  it('work beside local sessions and API tokens', async () => {
    const local = await aUser(t);
    await me(local.accessToken).expect(200);
    const token = issuer.token({ sub: 'machine-owner' });
    const { body } = await t.http.post('/api/auth/tokens').set(bearer(token)).send({ name: 'ci' }).expect(201);
    await me((body as { token: string }).token).expect(200);
    const logout = await t.http.post('/api/auth/logout').set(bearer(token)).expect(409);
    expect(logout.body).toMatchObject({ code: 'conflict' });
    await logIn(t, local.username);
  });

  it('answer 403 for a user who was switched off here', async () => {
    const admin = await anAdmin(t);
    const token = issuer.token({ sub: 'leaver' });
    const { body } = await me(token).expect(200);
    const { id } = body as { id: string };
    await t.http.patch(`/api/auth/users/${id}`).set(bearer(admin.accessToken)).send({ is_active: false }).expect(200);
    const refused = await me(token).expect(403);
    expect(refused.body).toMatchObject({ code: 'inactive_user', detail: 'Inactive user' });
  });

  const header = () => ({ alg: 'RS256', kid: issuer.newest.kid, typ: 'at+jwt' });
  const seconds = (): number => Math.floor(Date.now() / 1000);

  it.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'JWT', 'jwt', 'application/jwt', undefined])(
    'may say that they are %p',
    async (typ) => {
      await me(signJwt({ ...header(), typ }, issuer.claims(), issuer.newest.privateKey)).expect(200);
    },
  );

  it('may come from a clock that is a minute off, and no more', async () => {
    const now = seconds();
    for (const claims of [
      { iat: now + 3, nbf: now + 3 },
      { iat: now + 55, nbf: now + 55 },
      { iat: now - 100, exp: now - 3 },
    ])
      await me(issuer.token(claims)).expect(200);
    for (const claims of [{ nbf: now + 300 }, { iat: now + 300 }, { iat: now - 500, exp: now - 100 }])
      await me(issuer.token(claims)).expect(401);
  });

  it('may have a `uti` for their id, as those of Entra ID do', async () => {
    await me(issuer.token({ jti: undefined, uti: randomUUID() })).expect(200);
  });

  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const publicPem = () => issuer.newest.publicKey.export({ type: 'spki', format: 'pem' });
  const ATTACKS: Record<string, () => string> = {
    'another key under a known kid': () => signJwt(header(), issuer.claims(), stranger.privateKey),
    'a weak key': () => signJwt(header(), issuer.claims(), weak.privateKey),
    'an unknown kid': () => signJwt({ ...header(), kid: 'unknown' }, issuer.claims(), stranger.privateKey),
    'HS256 with the public key as secret': () =>
      signJwt({ ...header(), alg: 'HS256' }, issuer.claims(), createSecretKey(Buffer.from(publicPem()))),
    'HS256 with the public key as secret and our own issuer': () =>
      signJwt(
        { ...header(), alg: 'HS256' },
        issuer.claims({ iss: 'fog-compute-local', aud: 'fog-compute-local', sid: randomUUID() }),
        createSecretKey(Buffer.from(publicPem())),
      ),
    'RS256 with our own issuer': () =>
      signJwt(header(), issuer.claims({ iss: 'fog-compute-local', aud: 'fog-compute-local' }), issuer.newest.privateKey),
    RS512: () => signJwt({ ...header(), alg: 'RS512' }, issuer.claims(), issuer.newest.privateKey),
    'no algorithm': () => signJwt({ ...header(), alg: 'none' }, issuer.claims(), stranger.privateKey),
    'an embedded key': () =>
      signJwt({ ...header(), jwk: stranger.publicKey.export({ format: 'jwk' }) }, issuer.claims(), stranger.privateKey),
    'a jku': () => signJwt({ ...header(), jku: 'http://127.0.0.1:9/' }, issuer.claims(), issuer.newest.privateKey),
    'a logout token': () => signJwt({ ...header(), typ: 'logout+jwt' }, issuer.claims(), issuer.newest.privateKey),
    'an ID token': () => signJwt({ ...header(), typ: 'id+jwt' }, issuer.claims(), issuer.newest.privateKey),
    'another issuer': () => issuer.token({ iss: 'https://other.test/' }),
    'another audience': () => issuer.token({ aud: 'other' }),
    'no sub': () => issuer.token({ sub: undefined }),
    'a sub that is an object': () => issuer.token({ sub: { id: 1 } }),
    'a sub with control characters': () => issuer.token({ sub: 'a\0b' }),
    'no jti': () => issuer.token({ jti: undefined }),
    'no iat': () => issuer.token({ iat: undefined }),
    'no exp': () => issuer.token({ exp: undefined }),
    'an exp in the past': () => issuer.token({ iat: 1_700_000_000, exp: 1_700_000_300 }),
    'an exp in 2999': () => issuer.token({ exp: 32_472_144_000 }),
    'trailing bits in the signature': () => `${issuer.token()}A`,
  };

  it.each(Object.keys(ATTACKS))('are refused with %s', async (name) => {
    const answer = await me(ATTACKS[name]?.() ?? '').expect(401);
    expect(answer.body).toMatchObject({ code: 'unauthenticated', detail: 'Could not validate credentials' });
  });

  it('are accepted under a new key soon, beside the old one, and refused soon under a withdrawn one', async () => {
    const old = issuer.newest;
    await me(issuer.token({}, old)).expect(200);
    const next = issuer.addKey('ES256');
    await until(async () => (await me(issuer.token({}, next))).status === 200, { what: 'the new key' });
    await me(issuer.token({}, old)).expect(200);
    issuer.withdraw(old.kid);
    await until(async () => (await me(issuer.token({}, old))).status === 401, { what: 'the end of the old key' });
    await me(issuer.token({}, next)).expect(200);
  });

  it('do not make us ask the issuer for every invented key', async () => {
    const before = issuer.requests;
    await Promise.all(
      Array.from({ length: 20 }, () => me(signJwt({ ...header(), kid: randomUUID() }, issuer.claims(), stranger.privateKey)).expect(401)),
    );
    expect(issuer.requests - before).toBeLessThanOrEqual(2);
  });

  it('answer 503 while the issuer is away and its keys are not known, and local users notice nothing', async () => {
    const local = await aUser(t);
    const key = issuer.addKey('RS256');
    issuer.isAway = true;
    try {
      const answer = await until(async () => {
        const tried = await me(issuer.token({}, key));
        return tried.status === 503 ? tried : null;
      });
      expect(answer.body).toMatchObject({ code: 'try_again' });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(JSON.stringify(answer.body)).not.toContain('127.0.0.1');
      await me(local.accessToken).expect(200);
    } finally {
      issuer.isAway = false;
    }
    await until(async () => (await me(issuer.token({}, key))).status === 200, { what: 'the return of the issuer' });
  });
});
