import { randomUUID } from 'node:crypto';
import { AccessTokens } from '../../src/auth/access-tokens';
import { signJwt } from './jwt';
import type { TestApp } from './test-app';

const SECRET = 'a-secret-of-the-tests-and-of-nobody-else';

/** Opens a session as a log-in does, without the seconds for hashing, and returns its access token. */
export async function newSession(t: TestApp, username: string): Promise<string> {
  const userId = await t.userId(username);
  return t.app.get(AccessTokens, { strict: false }).issue(userId, await sessionOf(t, userId));
}

/** A token of a live session in which only `claims` is wrong. */
export async function tokenWith(t: TestApp, username: string, claims: Record<string, unknown>): Promise<string> {
  const sub = await t.userId(username);
  const sid = await sessionOf(t, sub);
  const iat = Math.floor(Date.now() / 1000) - 600;
  const good = { iss: 'fog-compute', aud: 'fog-compute', sub, sid, jti: randomUUID(), iat, exp: iat + 900 };
  return signJwt({ alg: 'HS256', typ: 'at+jwt' }, { ...good, ...claims }, SECRET);
}

/** The token of a user who was switched off after the log-in. */
export async function inactiveToken(t: TestApp, username: string): Promise<string> {
  const token = await newSession(t, username);
  await t.dataSource.query(`UPDATE users SET is_active = false WHERE id = $1`, [await t.userId(username)]);
  return token;
}

export const bearerOf = (token: string | null): Record<string, string> => (token === null ? {} : { Authorization: `Bearer ${token}` });

async function sessionOf(t: TestApp, userId: string): Promise<string> {
  const [{ id }] = await t.dataSource.query<[{ id: string }]>(
    `INSERT INTO sessions (user_id, expires_at) VALUES ($1, now() + interval '1 day') RETURNING id`,
    [userId],
  );
  return id;
}
