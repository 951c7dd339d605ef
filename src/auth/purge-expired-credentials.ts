import type { EntityManager } from 'typeorm';
import { inBatches } from '../common/in-batches';

/** Each removes what ended so long ago that no request needs it any more. $1 how many rows at most. */
const STATEMENTS = [
  // Their refresh tokens go with them.
  `DELETE FROM sessions WHERE id IN (
     SELECT id FROM sessions WHERE expires_at < now() - interval '1 day' ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  `DELETE FROM sessions WHERE id IN (
     SELECT id FROM sessions WHERE revoked_at < now() - interval '1 day' LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  // Reuse of a refresh token ends its session for a week; after that it is only refused.
  `DELETE FROM refresh_tokens WHERE token_hash IN (
     SELECT token_hash FROM refresh_tokens WHERE used_at < now() - interval '7 days'
      ORDER BY used_at LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  `DELETE FROM api_tokens WHERE id IN (
     SELECT id FROM api_tokens WHERE revoked_at < now() - interval '1 day' OR expires_at < now() - interval '30 days'
      LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  // A day after its end such a row counts no more.
  `DELETE FROM login_failures WHERE name_hash IN (
     SELECT name_hash FROM login_failures WHERE locked_until < now() - interval '1 day'
      ORDER BY locked_until LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  `DELETE FROM known_addresses WHERE hash IN (
     SELECT hash FROM known_addresses WHERE seen_at < now() - interval '90 days'
      ORDER BY seen_at LIMIT $1 FOR UPDATE SKIP LOCKED)`,
];

/**
 * Removes credentials and counted failures that ended a while ago, in batches of one statement each. Returns how many
 * rows were removed. May run in several processes at once; needs no transaction around it.
 */
export async function purgeExpiredCredentials(manager: EntityManager): Promise<number> {
  let removed = 0;
  for (const statement of STATEMENTS) {
    removed += await inBatches(async (limit) => (await manager.query<[unknown[], number]>(statement, [limit]))[1]);
  }
  return removed;
}
