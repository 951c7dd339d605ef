import type { Held, OwnQuota } from '../config/quota-list';
import type { HolderKind, QuotaLimits } from '../quotas/quota-limits';
import type { CountedHolder } from './count-holdings';

/** A user or a project in whose quotas something counts. */
export interface Holder {
  readonly kind: HolderKind;
  readonly id: string;
}

/** The limits that a user or a project has of its own. */
export interface OwnLimits {
  readonly id: string;
  readonly name: string;
  readonly quota: OwnQuota;
}

/** A holder whose limits may be reached. */
export interface LimitedHolder extends CountedHolder {
  readonly name: string;
}

/** Those of the holders that have a limit of what is asked for, their own or the configured one. Pure. */
export const limitedHolders = (
  limits: Pick<QuotaLimits, 'of'>,
  { holders, own, asked }: { readonly holders: readonly Holder[]; readonly own: readonly OwnLimits[]; readonly asked: readonly Held[] },
): LimitedHolder[] =>
  holders.flatMap((holder) => {
    const found = own.find(({ id }) => id === holder.id);
    const those = limits.of(holder.kind, found?.quota);
    return asked.some((held) => those[held] !== null) ? [{ ...holder, name: found?.name ?? '', limits: those }] : [];
  });

/** An SQL expression for the `OwnLimits` of those in whose quotas a deployment counts, as JSON; NULL: it counts in none. */
export const ownLimitsOf = (deployment: string): string => `
  (SELECT json_agg(json_build_object('id', p.id, 'name', p.name, 'quota', p.quota))
     FROM projects AS p WHERE p.id IN (${deployment}.project_id, ${deployment}.user_id))`;

const lockOf = (id: string): string => `pg_advisory_xact_lock(hashtextextended('fog-compute quota ' || ${id}, 0))`;

/** Gives `OwnLimits`. $1 the ids of users and projects. */
export const READ = `SELECT id, name, quota FROM projects WHERE id = ANY($1::uuid[])`;

/** The same, and until the transaction ends others that ask for something of them wait. Everybody locks in the order of ids. */
export const LOCK_AND_READ = `
  WITH h AS MATERIALIZED (${READ} ORDER BY id)
  SELECT ${lockOf('id')}, id, name, quota FROM h`;

/** The lock alone, where the limits are known. */
export const LOCK = `
  WITH h AS MATERIALIZED (SELECT id FROM unnest($1::uuid[]) AS id ORDER BY id)
  SELECT ${lockOf('id')} FROM h`;
