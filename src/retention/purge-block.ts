/** The facts that decide whether a deployment may be purged, read under its lock. */
export interface PurgeFacts {
  readonly deleted: boolean;
  /** Null while the deployment is not deleted. */
  readonly purgeAt: Date | null;
  /** Whether `purgeAt` has come, by the clock of the database. False when it is null. */
  readonly due: boolean;
  readonly legalHold: boolean;
  readonly openReplicas: number;
  readonly openReservations: number;
  /** How many deletions have a last step that is not confirmed. */
  readonly openDeletions: number;
}

/** Why a purge is refused, as codes of the answers, the gravest first. */
export const PURGE_BLOCK_CODES = ['not_deleted', 'legal_hold', 'teardown_open', 'retention_not_over'] as const;
export type PurgeBlockCode = (typeof PURGE_BLOCK_CODES)[number];

export interface PurgeBlock {
  readonly code: PurgeBlockCode;
  readonly detail: string;
}

/**
 * All reasons against a purge, the gravest first; empty: it may be purged. Overriding the retention overrides only
 * that: neither a legal hold nor containers that may still run.
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
