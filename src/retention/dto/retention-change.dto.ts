import { ApiProperty } from '@nestjs/swagger';
import { RETENTION_SELECTORS, type RetentionSelector } from '../retention-policy';

export class MovedPurgesDto {
  @ApiProperty({ type: 'integer' })
  count!: number;

  @ApiProperty({ type: [String], format: 'uuid', description: 'The first hundred' })
  deployment_ids!: string[];
}

/** What the change of a retention policy did, or in a dry run would do. */
export class RetentionChangeDto {
  @ApiProperty({ description: 'True: nothing was written' })
  dry_run!: boolean;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The policy; null when it is gone or not stored' })
  id!: string | null;

  @ApiProperty({ enum: RETENTION_SELECTORS })
  selector!: RetentionSelector;

  @ApiProperty()
  value!: string;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Null: the policy was removed' })
  days!: number | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Null: there was no such policy' })
  previous_days!: number | null;

  @ApiProperty({ type: 'integer', description: 'Live deployments that it chooses; a later deletion of them follows it' })
  live_deployments!: number;

  @ApiProperty({ type: 'integer', description: 'Deleted deployments that it chooses' })
  deleted_deployments!: number;

  @ApiProperty({ type: () => MovedPurgesDto, description: 'Deleted ones whose `purge_at` moves to later; none without `apply_to_deleted`' })
  purged_later!: MovedPurgesDto;

  @ApiProperty({
    type: () => MovedPurgesDto,
    description: 'Deleted ones whose `purge_at` moves to sooner; none without `apply_to_deleted`',
  })
  purged_sooner!: MovedPurgesDto;

  @ApiProperty({ type: () => MovedPurgesDto, description: 'Those of them that are over already and go 24 hours after the change' })
  purged_after_notice!: MovedPurgesDto;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'The earliest `purge_at` that moved to sooner' })
  earliest_purge_at!: string | null;
}
