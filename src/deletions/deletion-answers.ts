import type { Answer } from '../common/http/answer';
import { etagOf } from '../deployments/etag';
import type { Deleted } from './delete.service';
import { DeletionAnswerDto } from './dto/deletion-answer.dto';
import type { DeletionPreviewDto } from './dto/deletion-preview.dto';
import { ProtectionDto, type ForceReleaseDto } from './dto/protection.dto';
import type { ForceReleased } from './force-release.service';
import type { Safeguarded } from './protection.service';

/** The path of the ledger of a deployment's deletion. */
const ledgerPath = (id: string): string => `/api/deployment/${id}/deletion`;

/**
 * 200 when the teardown is complete, else 202 with the path of the ledger; with `dry_run` the preview. `isAsync`: the caller
 * asked not to wait, which the answer confirms where it made a difference.
 */
export function deleteAnswer(outcome: (Deleted & { readonly isAsync?: boolean }) | { readonly preview: DeletionPreviewDto }): Answer {
  if ('preview' in outcome) return { status: 200, body: outcome.preview, headers: { ETag: outcome.preview.etag } };
  const { decision, teardown, isAsync = false } = outcome;
  const body = DeletionAnswerDto.of(decision, teardown);
  if (teardown.complete) return { status: 200, body };
  return { status: 202, body, location: ledgerPath(decision.id), headers: isAsync ? { 'Preference-Applied': 'respond-async' } : {} };
}

export const forceReleaseAnswer = ({ id, replicas, isReleased }: ForceReleased): Answer => ({
  status: 200,
  body: {
    success: true,
    deployment_id: id,
    replicas: replicas.map((replica) => ({ id: replica.id, node_id: replica.nodeId, node_name: replica.nodeName })),
    resources_released: isReleased,
    message: `Gave up ${replicas.length} replicas on nodes that do not answer`,
  } satisfies ForceReleaseDto,
});

export const protectionAnswer = ({ id, version, ...now }: Safeguarded): Answer => ({
  status: 200,
  body: ProtectionDto.of(id, now),
  headers: { ETag: etagOf(version) },
});
