import type { Answer } from '../common/http/answer';
import type { PurgeAnswerDto } from './dto/purge.dto';
import type { MovedPurgesDto, RetentionChangeDto } from './dto/retention-change.dto';
import type { PolicyEffect } from './policy-effects';
import type { PurgeEffect, PurgePreview } from './purge.service';
import type { ShiftedPurge } from './shift-purge-times';

/** A change of a policy that was made, or with `dry_run` what it would mean. */
export type PolicyOutcome = PolicyEffect | { readonly preview: PolicyEffect };

/** What a purge did, or with `dry_run` what it would do. */
export type PurgeOutcome = PurgeEffect | { readonly preview: PurgePreview };

const SHOWN_IDS = 100;

/** A policy that was made, with the address of the list, because a policy has none of its own; or a preview. */
export const madePolicyAnswer = (outcome: PolicyOutcome): Answer => {
  const answer = changedPolicyAnswer(outcome);
  return 'preview' in outcome ? answer : { ...answer, status: 201, location: '/api/admin/retention-policies' };
};

/** A policy that was changed or removed, or a preview. */
export const changedPolicyAnswer = (outcome: PolicyOutcome): Answer => ({ status: 200, body: policyBody(outcome) });

/** What a change of a policy did, or would do. */
export function policyBody(outcome: PolicyOutcome): RetentionChangeDto {
  const isPreview = 'preview' in outcome;
  const { id, selector, value, days, previousDays, live, deleted, shifted } = isPreview ? outcome.preview : outcome;
  const sooner = shifted.filter(({ direction }) => direction === 'sooner');
  const earliest = sooner.reduce<Date | null>((first, { purgeAt }) => (first === null || purgeAt < first ? purgeAt : first), null);
  return {
    dry_run: isPreview,
    id: days === null ? null : id,
    selector,
    value,
    days,
    previous_days: previousDays,
    live_deployments: live,
    deleted_deployments: deleted,
    purged_later: moved(shifted.filter(({ direction }) => direction === 'later')),
    purged_sooner: moved(sooner),
    purged_after_notice: moved(sooner.filter(({ afterNotice }) => afterNotice)),
    earliest_purge_at: earliest?.toISOString() ?? null,
  };
}

/** A purge that was done, or a preview. */
export const purgeAnswer = (outcome: PurgeOutcome): Answer => ({ status: 200, body: purgeBody(outcome) });

/** The rows that were removed with a deployment; in a preview, the rows that would be removed and why it would be refused. */
export function purgeBody(outcome: PurgeOutcome): PurgeAnswerDto {
  const isPreview = 'preview' in outcome;
  const { candidate, volumes, blocks }: PurgePreview = isPreview ? outcome.preview : { ...outcome, blocks: [] };
  const { id, name, deletedAt, purgeAt, retentionPolicy, rows } = candidate;
  const possible = blocks.length === 0 ? 'can be purged' : 'cannot be purged';
  return {
    deployment_id: id,
    name,
    dry_run: isPreview,
    purged: !isPreview,
    blocked_by: blocks.map(({ code, detail }) => ({ code, detail })),
    deleted_at: deletedAt?.toISOString() ?? null,
    purge_at: purgeAt?.toISOString() ?? null,
    retention_policy: retentionPolicy,
    rows: { ...rows },
    containers: 0,
    volumes: [...volumes],
    message: `Deployment ${name} ${isPreview ? possible : 'purged'}`,
  };
}

const moved = (shifted: readonly ShiftedPurge[]): MovedPurgesDto => ({
  count: shifted.length,
  deployment_ids: shifted.slice(0, SHOWN_IDS).map(({ id }) => id),
});
