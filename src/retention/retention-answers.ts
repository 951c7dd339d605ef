import type { PolicyEffect } from './retention-changes.service';
import type { ShiftedPurge } from './shift-purge-times';
import type { StoredPolicy } from './retention-policies.repository';
import type { MovedPurgesDto, RetentionChangeDto } from './dto/retention-change.dto';
import type { RetentionPolicyDto } from './dto/retention-policy.dto';

const SHOWN_IDS = 100;

export const policyAnswer = ({ id, selector, value, days, changedBy, createdAt, updatedAt }: StoredPolicy): RetentionPolicyDto => ({
  ...{ id, selector, value, days, changed_by: changedBy },
  ...{ created_at: createdAt.toISOString(), updated_at: updatedAt.toISOString() },
});

export function changeAnswer(effect: PolicyEffect, dryRun: boolean): RetentionChangeDto {
  const { policyId, selector, value, days, previousDays, live, deleted, shifted } = effect;
  const sooner = shifted.filter(({ direction }) => direction === 'sooner');
  const earliest = sooner.reduce<Date | null>((first, { purgeAt }) => (first === null || purgeAt < first ? purgeAt : first), null);
  return {
    dry_run: dryRun,
    ...{ id: policyId, selector, value, days, previous_days: previousDays },
    live_deployments: live,
    deleted_deployments: deleted,
    purged_later: moved(shifted.filter(({ direction }) => direction === 'later')),
    purged_sooner: moved(sooner),
    purged_after_notice: moved(sooner.filter(({ afterNotice }) => afterNotice)),
    earliest_purge_at: earliest?.toISOString() ?? null,
  };
}

const moved = (shifted: readonly ShiftedPurge[]): MovedPurgesDto => ({
  count: shifted.length,
  deployment_ids: shifted.slice(0, SHOWN_IDS).map(({ id }) => id),
});
