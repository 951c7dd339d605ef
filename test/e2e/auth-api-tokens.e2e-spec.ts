import { aUser, bearer, type LoggedIn } from '../support/auth-users';
import { startTestApp, type TestApp } from '../support/test-app';

interface Created {
  readonly id: string;
  readonly token: string;
  readonly expires_at: string;
  readonly created_at: string;
}

const DAY_MS = 86_400_000;

describe('/api/auth/tokens', () => {
  let t: TestApp;
  let ada: LoggedIn;
  beforeAll(async () => {
    t = await startTestApp();
    ada = await aUser(t, 'ada');
  });
  afterAll(() => t?.close());

  const create = (body: Record<string, unknown>, token = ada.accessToken) => t.http.post('/api/auth/tokens').set(bearer(token)).send(body);
  const list = async (token = ada.accessToken) =>
    (await t.http.get('/api/auth/tokens').set(bearer(token)).expect(200)).body as Record<string, unknown>[];
  const days = ({ created_at: from, expires_at: to }: Created) => Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);

  it('shows the token once, stores it hashed and lists it by its prefix', async () => {
    const { body } = await create({ name: 'ci' }).expect(201);
    const { token, ...shown } = body as Created & Record<string, unknown>;
    expect(token).toMatch(/^fog_[A-Za-z0-9_-]{43}$/);
    expect(shown).toMatchObject({ name: 'ci', prefix: token.slice(0, 10), read_only: false, last_used_at: null });
    expect(days(body as Created)).toBe(90);
    expect(await list()).toEqual([shown]);
    const rows = await t.dataSource.query<unknown[]>(`SELECT * FROM api_tokens`);
    expect(JSON.stringify(rows)).not.toContain(token);
  });

  it('opens the same routes as a session and notes its use', async () => {
    const { body } = await create({ name: 'used', expires_in_days: 1 }).expect(201);
    const { id, token } = body as Created;
    expect(days(body as Created)).toBe(1);
    const probe = await t.http.get('/api/auth/me').set(bearer(token)).expect(200);
    expect(probe.body).toMatchObject({ id: ada.id, username: 'ada' });
    await create({ name: 'made with a token' }, token).expect(201);
    const entry = (await list()).find((item) => item.id === id);
    expect(entry).toMatchObject({ id, last_used_at: expect.stringMatching(/Z$/) as string });
  });

  it('lets a read-only token look and not change', async () => {
    const { body } = await create({ name: 'viewer', read_only: true }).expect(201);
    const { token } = body as Created;
    await t.http.get('/api/auth/me').set(bearer(token)).expect(200);
    await t.http.head('/api/auth/me').set(bearer(token)).expect(200);
    const refused = await create({ name: 'more' }, token).expect(403);
    expect(refused.body).toMatchObject({ code: 'read_only_token' });
  });

  it('is refused at once after its revocation', async () => {
    const { body } = await create({ name: 'short-lived' }).expect(201);
    const { id, token } = body as Created;
    await t.http.get('/api/auth/me').set(bearer(token)).expect(200);
    await t.http.delete(`/api/auth/tokens/${id}`).set(bearer(ada.accessToken)).expect(204);
    await t.http.get('/api/auth/me').set(bearer(token)).expect(401);
    await t.http.delete(`/api/auth/tokens/${id}`).set(bearer(ada.accessToken)).expect(404);
    expect((await list()).map((entry) => entry.id)).not.toContain(id);
  });

  it('is refused after its expiry', async () => {
    const { body } = await create({ name: 'old' }).expect(201);
    const { id, token } = body as Created;
    await t.dataSource.query(`UPDATE api_tokens SET expires_at = now() WHERE id = $1`, [id]);
    await t.http.get('/api/auth/me').set(bearer(token)).expect(401);
  });

  it("hides someone else's tokens", async () => {
    const eve = await aUser(t, 'eve');
    const { body } = await create({ name: 'private' }).expect(201);
    const { id } = body as Created;
    expect(await list(eve.accessToken)).toEqual([]);
    const foreign = await t.http.delete(`/api/auth/tokens/${id}`).set(bearer(eve.accessToken)).expect(404);
    const missing = '00000000-0000-4000-8000-000000000000';
    const unknown = await t.http.delete(`/api/auth/tokens/${missing}`).set(bearer(eve.accessToken)).expect(404);
    expect((foreign.body as { detail: string }).detail.replace(id, '')).toBe(
      (unknown.body as { detail: string }).detail.replace(missing, ''),
    );
    expect((await list()).map((entry) => entry.id)).toContain(id);
  });

  it('lets one of two concurrent revocations win', async () => {
    const { body } = await create({ name: 'race' }).expect(201);
    const { id } = body as Created;
    const answers = await Promise.all([1, 2].map(() => t.http.delete(`/api/auth/tokens/${id}`).set(bearer(ada.accessToken))));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404]);
  });

  it('does not let a token outlive the token that made it', async () => {
    const short = (await create({ name: 'short', expires_in_days: 2 }).expect(201)).body as Created;
    const made = (await create({ name: 'child', expires_in_days: 300 }, short.token).expect(201)).body as Created;
    expect(made.expires_at).toBe(short.expires_at);
  });

  it.each([
    ['a missing name', { name: undefined }, '/name'],
    ['an empty name', { name: '' }, '/name'],
    ['a long name', { name: 'x'.repeat(101) }, '/name'],
    ['a name with a control character', { name: 'a\u0007' }, '/name'],
    ['no days', { expires_in_days: 0 }, '/expires_in_days'],
    ['too many days', { expires_in_days: 366 }, '/expires_in_days'],
    ['half a day', { expires_in_days: 0.5 }, '/expires_in_days'],
    ['days that are null', { expires_in_days: null }, '/expires_in_days'],
    ['days in words', { expires_in_days: '9' }, '/expires_in_days'],
    ['a flag in words', { read_only: 'true' }, '/read_only'],
    ['an unknown field', { scope: 'all' }, '/scope'],
  ])('refuses %s and names the field', async (_name, over, pointer) => {
    const { body } = await create({ name: 'bad', ...over }).expect(422);
    expect(body).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
  });

  it('refuses an id that is not a UUID', async () => {
    const { body } = await t.http.delete('/api/auth/tokens/nonsense').set(bearer(ada.accessToken)).expect(400);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: 'id' }] });
  });

  it('holds a user to a hundred tokens, also when they are asked for at once', async () => {
    const user = await aUser(t);
    await t.dataSource.query(
      `INSERT INTO api_tokens (user_id, name, token_hash, prefix, expires_at)
       SELECT $1, 'n' || n, 'hash' || n, 'fog_', now() + interval '1 day' FROM generate_series(1, 98) n`,
      [user.id],
    );
    const answers = await Promise.all([1, 2, 3, 4].map(() => create({ name: 'one more' }, user.accessToken)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409]);
  });
});
