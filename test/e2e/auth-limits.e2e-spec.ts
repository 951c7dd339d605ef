import { loadConfig } from '../../src/config/app-config';
import { createApp } from '../../src/create-app';
import { aUser, bearer, PASSWORD } from '../support/auth-users';
import { startTestApp, TEST_ENV, type TestApp } from '../support/test-app';

const login = (t: TestApp, username: string, password: string, address?: string) => {
  const request = t.http.post('/api/auth/login');
  return (address === undefined ? request : request.set('X-Forwarded-For', address)).send({ username, password });
};

describe('lock-out', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  const fail = async (username: string, times: number): Promise<void> => {
    for (let n = 0; n < times; n++) await login(t, username, 'Wrong-Horse-7').expect(401);
  };

  /** Moves failures and locks into the past. */
  const age = (interval: string) => t.dataSource.query(`UPDATE login_failures SET locked_until = now() - $1::interval`, [interval]);

  it('locks after five failures, for unknown names just the same', async () => {
    await aUser(t, 'ada');
    for (const name of ['ada', 'stranger']) {
      await fail(name, 5);
      const answer = await login(t, name, PASSWORD).expect(423);
      expect(answer.body).toMatchObject({ code: 'account_locked', detail: 'Too many failed log-ins. The account is locked for a while.' });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(290);
      expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(300);
    }
  });

  /** Once each process counted unknown names by itself, so that 423 for a known name and 401 for an unknown one told them apart. */
  it('locks known and unknown names in every process', async () => {
    await aUser(t, 'known');
    const other = await createApp(loadConfig({ ...TEST_ENV, DATABASE_URL: t.databaseUrl, ROLE: 'api' }));
    try {
      for (const name of ['known', 'unknown']) {
        await fail(name, 5);
        const answer = await other.inject({ method: 'POST', url: '/api/auth/login', payload: { username: name, password: PASSWORD } });
        expect([name, answer.statusCode]).toEqual([name, 423]);
      }
    } finally {
      await other.close();
    }
  });

  it('leaves sessions alone, opens by itself, doubles with the next failure and forgets after a success', async () => {
    const bob = await aUser(t, 'bob');
    const unlock = () => age('1 second');
    await fail('bob', 5);
    await t.http.get('/api/auth/me').set(bearer(bob.accessToken)).expect(200);
    await unlock();
    await fail('bob', 1);
    const doubled = await login(t, 'bob', PASSWORD).expect(423);
    expect(Number(doubled.headers['retry-after'])).toBeGreaterThan(590);
    await unlock();
    await login(t, 'BOB', PASSWORD).expect(200);
    await fail('bob', 4);
    await login(t, 'bob', PASSWORD).expect(200);
  });

  /** Once failures of a known name were kept for ever and those of an unknown one for a day, so that the fifth told them apart. */
  it.each([4, 5])('counts anew a day after the last of %s failures, for unknown names just the same', async (failures) => {
    const known = `eve-${String(failures)}`;
    await aUser(t, known);
    for (const name of [known, `not-${known}`]) {
      await fail(name, failures);
      await age('25 hours');
      await fail(name, 5);
      await login(t, name, PASSWORD).expect(423);
    }
  });

  it('forgets its failures when a user logs in', async () => {
    await aUser(t, 'tom');
    await fail('tom', 4);
    await login(t, 'tom', PASSWORD).expect(200);
    await fail('tom', 4);
    await login(t, 'tom', PASSWORD).expect(200);
  });

  it('keeps no name in clear', async () => {
    await fail('Correct-Horse-8', 1);
    const [{ dump }] = await t.dataSource.query<[{ dump: string }]>(
      `SELECT string_agg(encode(name_hash, 'escape') || f::text, ' ') AS dump FROM login_failures AS f`,
    );
    expect(dump).not.toMatch(/correct-horse/i);
  });

  it('counts every failure of a storm and checks few guesses beyond the fifth', async () => {
    await aUser(t, 'kim');
    await t.dataSource.query(`DELETE FROM login_failures`);
    const answers = await Promise.all(Array.from({ length: 20 }, () => login(t, 'kim', 'Wrong-Horse-7')));
    const checked = answers.filter(({ status }) => status === 401).length;
    expect(checked).toBeGreaterThanOrEqual(5);
    expect(checked).toBeLessThanOrEqual(6);
    expect(await t.dataSource.query(`SELECT failures FROM login_failures`)).toEqual([{ failures: checked }]);
  });

  it('answers other routes while passwords are being hashed', async () => {
    const user = await aUser(t);
    let areLoginsDone = false;
    const logins = Promise.all(Array.from({ length: 12 }, (_unused, n) => login(t, `nobody${String(n)}`, PASSWORD))).then(
      () => (areLoginsDone = true),
    );
    await t.http.get('/api/auth/me').set(bearer(user.accessToken)).expect(200);
    expect(areLoginsDone).toBe(false);
    await logins;
  });
});

describe('rate limits', () => {
  it('holds each trusted address to its share of log-ins, before any hashing', async () => {
    const t = await startTestApp({ env: { AUTH_RATE_LIMIT_PER_MINUTE: '2', TRUSTED_PROXIES: '127.0.0.1' } });
    try {
      await login(t, 'nobody', PASSWORD, '192.0.2.1').expect(401);
      await t.http.post('/api/auth/refresh').set('X-Forwarded-For', '192.0.2.1').send({ refresh_token: 'x' }).expect(401);
      const refused = await login(t, 'nobody', PASSWORD, '192.0.2.1').expect(429);
      expect(refused.body).toMatchObject({ code: 'rate_limited' });
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      await t.http.post('/api/auth/register').set('X-Forwarded-For', '192.0.2.1').send({}).expect(429);
      await login(t, 'nobody', PASSWORD, '192.0.2.2').expect(401);
      await login(t, 'nobody', PASSWORD, '2001:db8::1').expect(401);
      await login(t, 'nobody', PASSWORD, '2001:db8::2').expect(401);
      await login(t, 'nobody', PASSWORD, '2001:db8:0:0:ffff::3').expect(429);
    } finally {
      await t.close();
    }
  });

  it('does not believe an untrusted client about its address', async () => {
    const t = await startTestApp({ env: { AUTH_RATE_LIMIT_PER_MINUTE: '1' } });
    try {
      await login(t, 'nobody', PASSWORD, '192.0.2.1').expect(401);
      await login(t, 'nobody', PASSWORD, '192.0.2.2').expect(429);
    } finally {
      await t.close();
    }
  });

  it('counts every request of an address, bad tokens included, and spares health checks', async () => {
    const t = await startTestApp({ env: { RATE_LIMIT_PER_MINUTE: '3' } });
    try {
      for (let n = 0; n < 3; n++) await t.http.get('/api/auth/me').set(bearer('bad')).expect(401);
      await t.http.get('/api/auth/me').set(bearer('bad')).expect(429);
      await login(t, 'nobody', PASSWORD).expect(429);
      await t.http.get('/health/live').expect(200);
      await t.http.get('/health/live?x=1').expect(200);
    } finally {
      await t.close();
    }
  });

  it('counts each token over all addresses', async () => {
    const t = await startTestApp({ env: { RATE_LIMIT_PER_MINUTE: '5', TRUSTED_PROXIES: '127.0.0.1' } });
    try {
      const ada = await aUser(t, 'ada');
      const from = (n: number) =>
        t.http
          .get('/api/auth/me')
          .set('X-Forwarded-For', `192.0.2.${String(n)}`)
          .set(bearer(ada.accessToken));
      for (let n = 1; n <= 5; n++) await from(n).expect(200);
      await from(6).expect(429);
      await t.http.get('/api/auth/me').set('X-Forwarded-For', '192.0.2.7').expect(401);
    } finally {
      await t.close();
    }
  });
});
