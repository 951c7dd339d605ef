import { createHash } from 'node:crypto';

/**
 * Ids that SQL, the load generator and pgbench can all compute from a number, but that are spread over the index like
 * random ones. d: deployment of the fill, l: deployment made for a measurement, u: user, m: node of the fill, n: node
 * that takes replicas.
 */
export const sqlId = (kind, number) => `md5('${kind}' || (${number})::text)::uuid`;

export function idOf(kind, number) {
  const hex = createHash('md5').update(`${kind}${number}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** How the fill is laid out: deployment i belongs to user (i - 1) % users + 1 and is that user's k-th, k = (i - 1) / users. */
export function layoutOf(size) {
  const perUser = 100;
  const users = Math.max(1, Math.round(size / perUser));
  return { size, perUser, users, driven: Math.min(64, users), livePerUser: (perUser / 5) * 4 };
}

/** The k of the n-th live deployment of a user: every fifth is deleted. */
export const liveK = (n) => Math.floor(n / 4) * 5 + (n % 4);
