import type { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { ApiTokensRepository } from '../auth/api-tokens.repository';
import { SessionsRepository } from '../auth/sessions.repository';
import { inTransaction } from '../database/transaction';
import type { OpenedLink } from './account.types';
import { PasswordLinksRepository } from './password-links.repository';

/**
 * Makes the user of that name an active administrator again, and a one-time link with which the password is set. It is for whoever
 * has the database, when nobody can log in as an administrator. What an account that was off had opened before stays ended. Null: there
 * is no such user.
 */
export function recoverAdministrator(dataSource: DataSource, username: string): Promise<OpenedLink | null> {
  return inTransaction(dataSource, async (tx) => {
    const [user] = await tx.query<{ id: string; isActive: boolean }[]>(
      `SELECT id, is_active AS "isActive" FROM users WHERE username = lower($1) FOR NO KEY UPDATE`,
      [username],
    );
    if (!user) return null;
    if (!user.isActive) {
      await new SessionsRepository(dataSource).revokeAllOf(tx, user.id);
      await new ApiTokensRepository(dataSource).revokeAllOf(tx, user.id);
    }
    await tx.query(`UPDATE users SET is_admin = true, is_active = true, updated_at = now() WHERE id = $1`, [user.id]);
    const link = await new PasswordLinksRepository(dataSource).open(tx, user.id);
    const after = { is_admin: true, is_active: true };
    await new Audit(dataSource).recordSystem(tx, { action: 'user.recover', resourceType: 'user', resourceId: user.id, after });
    return link;
  });
}

/** The names of administrators, a few at most, for whoever has forgotten them. */
export async function administratorNames(dataSource: DataSource): Promise<string[]> {
  const rows = await dataSource.query<{ username: string }[]>(
    `SELECT username FROM users WHERE is_admin
      ORDER BY username LIMIT 20`,
  );
  return rows.map(({ username }) => username);
}
