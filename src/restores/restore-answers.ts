import type { Answer } from '../common/http/answer';
import { statusPath } from '../deployments/commands/command-answers';
import { PlacementExplanationDto } from '../deployments/dto/placement.dto';
import type { RestoredDto, RestorePreviewDto } from './dto/restore.dto';
import type { RestorePreview } from './restore-preview.service';
import type { Restored } from './restore.service';

/** The answer for a restored deployment, with the path of its status; with `dry_run` what a restore would do. */
export const restoreAnswer = (outcome: Restored | { readonly preview: RestorePreview }): Answer =>
  'preview' in outcome
    ? { status: 200, body: restorePreviewBody(outcome.preview) }
    : { status: 202, body: restoredBody(outcome), location: statusPath(outcome.id) };

function restoredBody({ id, name, status, generation, replicas, warmReplicas, lostRoutes }: Restored): RestoredDto {
  const message =
    status === 'stopped'
      ? `Deployment restored as it was: stopped. POST /api/deployment/${id}/start starts it.`
      : `Deployment restored; ${replicas} replicas are starting. Use /status/${id} to track progress.`;
  return {
    success: true,
    deployment_id: id,
    name,
    status,
    generation,
    replicas,
    replicas_warm: warmReplicas,
    routes_lost: [...lostRoutes],
    message,
  };
}

/** What a restore would do, or every reason against it. */
export const restorePreviewBody = (preview: RestorePreview): RestorePreviewDto => ({
  dry_run: true,
  possible: preview.obstacles.length === 0,
  obstacles: preview.obstacles.map(({ code, detail }) => ({ code, detail })),
  name: preview.name,
  status: preview.status,
  replicas: preview.replicas,
  replicas_warm: preview.warmReplicas,
  image: preview.image,
  purge_at: preview.purgeAt?.toISOString() ?? null,
  placement: preview.placement && PlacementExplanationDto.from(preview.placement.explanation),
});
