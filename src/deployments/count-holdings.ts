import type { Held } from '../config/quota-list';
import type { Tx } from '../database/transaction';
import type { HolderKind, Limits } from '../quotas/quota-limits';
import { holdingsOf, SIZES, type Holdings } from './holdings.sql';

/** A user or a project whose holdings are counted as far as limits ask for them. */
export interface CountedHolder {
  readonly kind: HolderKind;
  readonly id: string;
  readonly limits: Limits;
}

/** What a change may make larger, all of it in one project. */
export interface GrowingPart {
  readonly projectId: string;
  readonly deployments: readonly { readonly id: string }[];
  /** The name of a secret. */
  readonly secret?: string;
}

/** Secrets count for whoever has set them, volumes for whose deployment made them, and both for their project. */
const COLUMNS = { user: ['d.user_id', 'k.updated_by', 'w.user_id'], project: ['d.project_id', 'k.project_id', 'w.project_id'] } as const;

/** One whose holdings are counted. `isPart`: only of what is growing. */
interface Counted {
  readonly holder: CountedHolder;
  readonly isPart?: boolean;
}

interface Scope {
  readonly asked: readonly Held[];
  /** A deleted deployment that does not count. */
  readonly restored?: string;
  /** Goes with parts. */
  readonly growing?: GrowingPart;
}

/** All that they hold. */
export const wholes = (limited: readonly CountedHolder[]): Counted[] => limited.map((holder) => ({ holder }));
/** What is growing, of what they hold. */
export const parts = (limited: readonly CountedHolder[]): Counted[] => limited.map((holder) => ({ holder, isPart: true }));

/** Whether resources have to be counted, and not numbers only. */
const needsSizes = (limited: readonly CountedHolder[], asked: readonly Held[]): boolean =>
  limited.some(({ limits }) => SIZES.some((held) => asked.includes(held) && limits[held] !== null));

/** Names what a count of them counts. */
export const countsOf = (limited: readonly CountedHolder[], asked: readonly Held[]): string =>
  [...limited.map(({ id }) => id), needsSizes(limited, asked)].join();

/** What they hold, in the order of `counted`, with one statement. */
export async function countHoldings(tx: Tx, counted: readonly Counted[], { asked, restored, growing }: Scope): Promise<Holdings[]> {
  const sizes = needsSizes(
    counted.map(({ holder }) => holder),
    asked,
  );
  const reserved = asked.includes('replicas') || sizes;
  const part = growing ? [growing.deployments.map(({ id }) => id), growing.projectId, growing.secret ?? null] : [];
  const values = [...counted.map(({ holder }) => holder.id), ...part];
  const after = (place: number): string => `$${counted.length + place}`;
  // A parameter that no statement reads is refused.
  const except = reserved ? `$${values.push(restored ?? null)}` : undefined;
  const each = counted.map(({ holder: { kind }, isPart }, place) => {
    const [owner, secretOwner, volumeOwner] = COLUMNS[kind];
    const holder = `$${place + 1}`;
    const where = `${owner} = ${holder}${isPart ? ` AND d.id = ANY(${after(1)}::uuid[])` : ''}`;
    const secrets = `${secretOwner} = ${holder}${isPart ? ` AND k.project_id = ${after(2)} AND k.name = ${after(3)}` : ''}`;
    const volumes = `${volumeOwner} = ${holder}`;
    return `SELECT ${place} AS place, h.* FROM (${holdingsOf({ where, secrets, volumes, sizes, reserved, except })}) AS h`;
  });
  return tx.query<Holdings[]>(`${each.join(' UNION ALL ')} ORDER BY place`, values);
}
