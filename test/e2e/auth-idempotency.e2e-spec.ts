import { IdempotencyService } from '../../src/idempotency/idempotency.service';
import { aUser, bearer, PASSWORD, type LoggedIn } from '../support/auth-users';
import { startTestApp, type TestApp } from '../support/test-app';

/**
 * Once, when a process died after the commit of a refresh and the request was repeated under its key, the answer was
 * 401 and the whole session was revoked.
 */
describe('auth requests whose process dies between the commit and the answer', () => {
  let t: TestApp;
  let user: LoggedIn;
  beforeAll(async () => {
    t = await startTestApp();
    // A process that has died does not do what the interceptor does after the answer is made.
    t.app.get(IdempotencyService).complete = () => Promise.resolve();
    user = await aUser(t, 'ada');
  });
  afterAll(() => t?.close());

  const count = async (table: string): Promise<number> => {
    const [{ n }] = await t.dataSource.query<[{ n: number }]>(`SELECT count(*)::int AS n FROM ${table}`);
    return n;
  };

  /** Sends the same request under the same key, after the lease of the dead process has ended. */
  const again = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const key = `dead ${path}`;
    const send = () =>
      t.http
        .post(path)
        .set({ 'Idempotency-Key': key, ...headers })
        .send(body);
    const first = await send();
    expect(first.status).toBeLessThan(300);
    await t.dataSource.query(`UPDATE idempotency_keys SET lease_until = now() - interval '1 second'`);
    const second = await send();
    expect([second.status, second.text, second.headers['idempotency-replayed']]).toEqual([first.status, first.text, 'true']);
    return second.body as Record<string, string>;
  };

  it('gives a refresh the same pair again, which goes on working', async () => {
    const pair = await again('/api/auth/refresh', { refresh_token: user.refreshToken });
    await t.http.get('/api/auth/me').set(bearer(pair.access_token!)).expect(200);
    await t.http.post('/api/auth/refresh').send({ refresh_token: pair.refresh_token }).expect(200);
  });

  it('opens one session for a log-in', async () => {
    const before = await count('sessions');
    await again('/api/auth/login', { username: 'ada', password: PASSWORD });
    expect(await count('sessions')).toBe(before + 1);
  });

  it('makes one account for a registration', async () => {
    await again('/api/auth/register', { username: 'bob', email: 'bob@example.org', password: PASSWORD });
  });

  it('makes one API token, and shows it to whoever repeats the request', async () => {
    const { token } = await again('/api/auth/tokens', { name: 'ci' }, bearer(user.accessToken));
    expect(await count('api_tokens')).toBe(1);
    await t.http.get('/api/auth/me').set(bearer(token!)).expect(200);
  });

  it('takes a revocation for done, not for a token that never was', async () => {
    const made = await t.http.post('/api/auth/tokens').set(bearer(user.accessToken)).send({ name: 'old' }).expect(201);
    const revoke = () =>
      t.http
        .delete(`/api/auth/tokens/${(made.body as { id: string }).id}`)
        .set({ 'Idempotency-Key': 'dead revocation', ...bearer(user.accessToken) });
    await revoke().expect(204);
    await t.dataSource.query(`UPDATE idempotency_keys SET lease_until = now() - interval '1 second'`);
    await revoke().expect(204).expect('Idempotency-Replayed', 'true');
  });

  it('stores none of these tokens in clear', async () => {
    const [{ dump }] = await t.dataSource.query<[{ dump: string }]>(
      `SELECT string_agg(k::text || ' ' || encode(answer_sealed, 'escape'), ' ') AS dump FROM idempotency_keys k`,
    );
    expect(dump).not.toMatch(/fog_|fogr_|access_token|eyJ/);
  });
});
