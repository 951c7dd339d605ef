import { createHash } from 'node:crypto';

/** The hash before the first link. */
export const GENESIS = Buffer.alloc(32);

/** SHA-256 over the hash of the link before and the canonical text of the row. */
export const linkHash = (previous: Buffer, canonical: string): Buffer => createHash('sha256').update(previous).update(canonical).digest();

/**
 * The canonical text of an audit row `a`: a JSON array of every column, in this order and in PostgreSQL's own spelling,
 * times in UTC with microseconds. It is the same on every server and after every dump and restore.
 */
export const CANONICAL = `jsonb_build_array(a.id, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), a.actor_id, a.via,
  a.credential_id, a.address, a.action, a.resource_type, a.resource_id, a.outcome, a.code, a.request_id, a.before, a.after)::text`;

/** A link as it is written down outside, in the log: `position:hash`. */
export const anchorText = ({ position, hash }: { position: string; hash: Buffer }): string => `${position}:${hash.toString('hex')}`;
