import type { Answer } from '../common/http/answer';
import { OrphanDto } from './dto/orphan.dto';
import { OrphanPreviewDto } from './dto/orphan-preview.dto';
import type { OrphanView } from './orphan.types';
import type { OrphanPreview } from './orphans.service';

type Outcome = OrphanView | { readonly preview: OrphanPreview };

/** The orphan with what was decided, and where to follow it; with `dry_run` what would happen. */
export const orphanAnswer = (outcome: Outcome): Answer => {
  if (!('preview' in outcome)) return { status: 202, body: OrphanDto.of(outcome), location: `/api/admin/orphans/${outcome.id}` };
  const body = OrphanPreviewDto.of(outcome.preview);
  return { status: 200, body, headers: { ETag: body.etag } };
};
