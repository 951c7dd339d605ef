import { ApiProperty, ApiPropertyOptional, IntersectionType } from '@nestjs/swagger';
import { DryRunQueryDto } from '../../common/validation/dry-run.query.dto';
import { Optional, QueryFlag, TextField } from '../../common/validation/fields';
import { PURGE_BLOCK_CODES, type PurgeBlockCode } from '../purge-block';

export class PurgePreviewQueryDto {
  @ApiPropertyOptional({ description: 'Do not wait for `purge_at`', default: false, type: Boolean })
  @Optional()
  @QueryFlag()
  override_retention: boolean = false;
}

/** With `override_retention` it needs a `reason`. */
export class PurgeQueryDto extends IntersectionType(PurgePreviewQueryDto, DryRunQueryDto) {
  @ApiPropertyOptional({ minLength: 1, maxLength: 500, description: 'Why; required with `override_retention`, kept in the audit log' })
  @Optional()
  @TextField({ max: 500 })
  reason?: string;
}

export class PurgeBlockDto {
  @ApiProperty({ enum: PURGE_BLOCK_CODES })
  code!: PurgeBlockCode;

  @ApiProperty()
  detail!: string;
}

/** What a purge removed, or in a dry run would remove. */
export class PurgeAnswerDto {
  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ description: 'True: nothing was written' })
  dry_run!: boolean;

  @ApiProperty({ description: 'Its rows are gone for good' })
  purged!: boolean;

  @ApiProperty({ type: () => [PurgeBlockDto], description: 'What stands in the way; empty when it was or can be purged' })
  blocked_by!: PurgeBlockDto[];

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  deleted_at!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  purge_at!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The policy that set `purge_at`, in words' })
  retention_policy!: string | null;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'integer' }, description: 'Rows by table' })
  rows!: Record<string, number>;

  @ApiProperty({ type: 'integer', description: 'Containers that it removes: none, those went with the deletion' })
  containers!: number;

  @ApiProperty({ type: [String], description: 'Volumes that go with it, since no other deployment mounts them, with all that is in them' })
  volumes!: string[];

  @ApiProperty()
  message!: string;
}
