import type { EntityManager } from 'typeorm';

const BATCH = 1_000;

/** What can be removed: long enough after its end that nobody asks about it any more. */
const STATEMENTS = [
  // Their refresh tokens go with them.
  `DELETE FROM sessions WHERE id IN (
     SELECT id FROM sessions WHERE expires_at < now() - interval '1 day' ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  `DELETE FROM sessions WHERE id IN (
     SELECT id FROM sessions WHERE revoked_at < now() - interval '1 day' LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  // Reuse of a refresh token is noticed for a week; after that it is only refused.
  `DELETE FROM refresh_tokens WHERE token_hash IN (
     SELECT token_hash FROM refresh_tokens WHERE used_at < now() - interval '7 days' ORDER BY used_at LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  `DELETE FROM api_tokens WHERE id IN (
     SELECT id FROM api_tokens WHERE revoked_at < now() - interval '1 day' OR expires_at < now() - interval '30 days' LIMIT $1 FOR UPDATE SKIP LOCKED)`,
];

/**
 * Removes credentials that ended a while ago, in batches of 1000, each a statement of its own, and returns how many rows went.
 * Stops after `maxBatches` of a kind; the next call goes on. Safe beside itself; needs no transaction around it.
 */
export async function purgeExpiredCredentials(manager: EntityManager, maxBatches = 100): Promise<number> {
  let removed = 0;
  for (const statement of STATEMENTS) {
    for (let batch = 0; batch < maxBatches; batch++) {
      const [, count] = await manager.query<[unknown[], number]>(statement, [BATCH]);
      removed += count;
      if (count < BATCH) break;
    }
  }
  return removed;
}
