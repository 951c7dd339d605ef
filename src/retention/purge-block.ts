/** What decides whether a deployment may be purged, read under its lock. */
export interface PurgeFacts {
  readonly deleted: boolean;
  /** Null while it lives. */
  readonly purgeAt: Date | null;
  /** By the database's clock; a missing time has not come. */
  readonly due: boolean;
  readonly legalHold: boolean;
  readonly openReplicas: number;
  readonly openReservations: number;
  /** Deletions whose last step is not confirmed. */
  readonly openDeletions: number;
}

/** Why a purge is refused, the gravest first: the codes of the answers. */
export const PURGE_BLOCK_CODES = ['not_deleted', 'legal_hold', 'teardown_open', 'retention_not_over'] as const;
export type PurgeBlockCode = (typeof PURGE_BLOCK_CODES)[number];

export interface PurgeBlock {
  readonly code: PurgeBlockCode;
  readonly detail: string;
}

/**
 * Everything that stands in the way, the gravest first; empty: it may be purged. Overriding the retention lifts the
 * retention and nothing else: neither a hold nor what may still run somewhere.
 */
export function purgeBlocks(facts: PurgeFacts, overrideRetention: boolean): PurgeBlock[] {
  if (!facts.deleted) return [{ code: 'not_deleted', detail: 'Only a deleted deployment can be purged; delete it first' }];
  const blocks: PurgeBlock[] = [];
  if (facts.legalHold) blocks.push({ code: 'legal_hold', detail: 'The deployment is under legal hold' });
  const open = openWork(facts);
  if (open.length > 0) blocks.push({ code: 'teardown_open', detail: `The teardown has not ended: ${open.join(', ')}` });
  if (!facts.due && !overrideRetention) {
    const until = facts.purgeAt === null ? 'has no purge time' : `is kept until ${facts.purgeAt.toISOString()}`;
    blocks.push({ code: 'retention_not_over', detail: `The deployment ${until}` });
  }
  return blocks;
}

function openWork({ openReplicas, openReservations, openDeletions }: PurgeFacts): string[] {
  return [
    ...(openReplicas > 0 ? [`${openReplicas} ${openReplicas === 1 ? 'replica' : 'replicas'} not confirmed gone`] : []),
    ...(openReservations > 0 ? [`${openReservations} ${openReservations === 1 ? 'reservation' : 'reservations'} not released`] : []),
    ...(openDeletions > 0 ? ['a step of the deletion is open'] : []),
  ];
}
