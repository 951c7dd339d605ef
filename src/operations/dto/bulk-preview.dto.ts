import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { BulkPreview } from '../bulk-preview.service';

/** One deployment in the answer to a dry run. */
export class BulkPreviewItemDto {
  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty({ description: 'What the deletion would do with it', enum: ['deleted', 'refused'] })
  outcome!: 'deleted' | 'refused';

  @ApiProperty({ description: 'Why it would be refused, for programs', type: String, nullable: true })
  code!: string | null;

  @ApiProperty({ type: String, nullable: true })
  detail!: string | null;

  @ApiPropertyOptional({ description: 'Of one that would be deleted' })
  name?: string;

  @ApiPropertyOptional({ description: 'Replicas that engines would be asked to stop', type: 'integer' })
  replicas_stopping?: number;

  static of({ id, ...verdict }: BulkPreview['verdicts'][number]): BulkPreviewItemDto {
    if ('candidate' in verdict) return { deployment_id: id, outcome: 'deleted', code: null, detail: null, name: verdict.candidate.name };
    return { deployment_id: id, outcome: 'refused', code: verdict.error.code, detail: verdict.error.detail };
  }
}

export class BulkPreviewDto {
  @ApiProperty({ enum: [true] })
  dry_run!: true;

  @ApiProperty({ type: 'integer' })
  total!: number;

  @ApiProperty({ type: 'integer' })
  would_delete!: number;

  @ApiProperty({ type: 'integer' })
  would_refuse!: number;

  @ApiProperty({ description: 'Why an administrator would have to confirm it first', type: String, nullable: true })
  needs_confirmation!: string | null;

  @ApiProperty({ type: [BulkPreviewItemDto] })
  items!: BulkPreviewItemDto[];

  static of({ verdicts, wouldDelete, wouldRefuse, needsConfirmation }: BulkPreview): BulkPreviewDto {
    return {
      dry_run: true,
      total: verdicts.length,
      would_delete: wouldDelete,
      would_refuse: wouldRefuse,
      needs_confirmation: needsConfirmation,
      items: verdicts.map((verdict) => BulkPreviewItemDto.of(verdict)),
    };
  }
}
