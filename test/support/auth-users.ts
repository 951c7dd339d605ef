import type { TestApp } from './test-app';

export const PASSWORD = 'Correct-Horse-7';

export interface LoggedIn {
  readonly id: string;
  readonly username: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

export const bearer = (token: string): { Authorization: string } => ({ Authorization: `Bearer ${token}` });

/** Logs in through the real route, which `as` of the test app does not. */
export async function logIn(
  { http }: TestApp,
  username: string,
  password = PASSWORD,
): Promise<{ accessToken: string; refreshToken: string }> {
  const { body } = await http.post('/api/auth/login').send({ username, password }).expect(200);
  const { access_token: accessToken, refresh_token: refreshToken } = body as { access_token: string; refresh_token: string };
  return { accessToken, refreshToken };
}

let counter = 0;

/** Makes a user with a password and a session through the real routes. */
export async function aUser(t: TestApp, name = `user-${String(++counter)}`): Promise<LoggedIn> {
  const wish = { username: name, email: `${name}@example.org`, password: PASSWORD };
  const { body } = await t.http.post('/api/auth/register').send(wish).expect(201);
  const { id, username } = body as { id: string; username: string };
  return { id, username, ...(await logIn(t, username)) };
}

/** Makes a user who is an administrator in the database. */
export async function anAdmin(t: TestApp): Promise<LoggedIn> {
  const user = await aUser(t);
  await t.dataSource.query(`UPDATE users SET is_admin = true WHERE id = $1`, [user.id]);
  return user;
}
