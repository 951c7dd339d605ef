import type { Answer } from '../common/http/answer';
import { statusPath } from '../deployments/commands/command-answers';
import { PlacementExplanationDto } from '../deployments/dto/placement.dto';
import type { ChangePreview } from './change-previews';
import type { Changed } from './change.types';
import type { ChangePreviewDto, DeploymentChangedDto } from './dto/change.dto';

/** 202 with the path of the status for what goes on in the background, else 200; with `dry_run` what the change would do. */
export function changeAnswer(outcome: Changed | { readonly preview: ChangePreview }): Answer {
  if ('preview' in outcome) return { status: 200, body: previewBody(outcome.preview) };
  const goesOn = outcome.result === 'created' || outcome.result === 'rolling_out';
  return goesOn
    ? { status: 202, body: changedBody(outcome), location: statusPath(outcome.id) }
    : { status: 200, body: changedBody(outcome) };
}

const changedBody = ({ id, ...changed }: Changed): DeploymentChangedDto => ({
  success: true,
  deployment_id: id,
  status: changed.status,
  revision: changed.revision,
  rollout: changed.rollout,
  result: changed.result,
  message: changed.message,
});

export const previewBody = ({ result, changes, placement, waits }: ChangePreview): ChangePreviewDto => ({
  dry_run: true,
  result,
  new_revision: result === 'created' || result === 'rolling_out',
  changes: changes.map(({ field, from, to }) => ({ field, from, to })),
  schedulable: waits === null && (placement?.shortfall ?? null) === null,
  message:
    placement === null
      ? 'No replica would be placed now'
      : (placement.shortfall ?? waits ?? `All ${placement.nodeIds.length} replicas would be placed`),
  placement: placement && PlacementExplanationDto.from(placement.explanation),
});
