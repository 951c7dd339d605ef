import { DomainError } from '../common/problem/domain-error';

/** A limit, what is used of it, and what is asked for. */
export interface QuotaUse {
  /** As the answer names it. */
  readonly quota: string;
  /** The name of the project that is limited. Absent: the user is. */
  readonly project?: string;
  /** Null: no limit. */
  readonly limit: number | null;
  readonly used: number;
  readonly requested: number;
  /** What is counted, in words. Absent: as the quota is named. */
  readonly what?: string;
  /** More words about what is used. */
  readonly remark?: string;
  /** Whether who asks may know which quota it is, and neither the limit nor what is used. */
  readonly isSecret?: boolean;
}

/** CPU cores are counted in thousandths; whole numbers of these add up exactly. */
const exact = (amount: number): number => Math.round(amount * 1_000);

/** Whether a limit leaves room for what is asked for. What asks for nothing always fits, also when a limit was lowered below its use. */
export const fitsIn = ({ limit, used, requested }: Pick<QuotaUse, 'limit' | 'used' | 'requested'>): boolean =>
  limit === null || requested <= 0 || exact(used) + exact(requested) <= exact(limit);

/** Throws `quota_exceeded` when more is asked for than is left. */
export function refuseBeyond({ quota, project, limit, used, requested, what = quota, remark = '', isSecret = false }: QuotaUse): void {
  if (fitsIn({ limit, used, requested })) return;
  const holder = project === undefined ? 'user' : 'project';
  if (isSecret) {
    const words = `The quota of the user for whom it counts does not allow ${requested} more ${what}`;
    throw new DomainError('quota_exceeded', words, { members: { quota, holder, requested } });
  }
  const whose = project === undefined ? 'The quota' : `The quota of project ${project}`;
  const words = `${whose} allows ${limit} ${what}; there are ${used}${remark}, and ${requested} more are asked for`;
  throw new DomainError('quota_exceeded', words, { members: { quota, holder, limit, used, requested } });
}
