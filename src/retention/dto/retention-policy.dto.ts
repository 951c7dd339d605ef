import { ApiProperty, ApiPropertyOptional, IntersectionType } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, Max, Min } from 'class-validator';
import { applyDecorators } from '@nestjs/common';
import { DryRunQueryDto } from '../../common/validation/dry-run.query.dto';
import { Optional, QueryFlag, TextField } from '../../common/validation/fields';
import type { StoredPolicy } from '../retention-policies.repository';
import { MAX_RETENTION_DAYS, MIN_RETENTION_DAYS, RETENTION_SELECTORS, type RetentionSelector } from '../retention-policy';

const DAYS_WORDS = `days must be a whole number from ${MIN_RETENTION_DAYS} to ${MAX_RETENTION_DAYS}`;

/** There is no zero and no "never": an empty or odd value is a fault and never means "now". */
const Days = (): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ type: 'integer', minimum: MIN_RETENTION_DAYS, maximum: MAX_RETENTION_DAYS, example: 90 }),
    IsInt({ message: DAYS_WORDS }),
    Min(MIN_RETENTION_DAYS, { message: DAYS_WORDS }),
    Max(MAX_RETENTION_DAYS, { message: DAYS_WORDS }),
  );

const ApplyToDeleted = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      default: false,
      type: Boolean,
      description:
        'Also moves `purge_at` of what is deleted already: later at once, sooner never to within 24 hours from now. ' +
        'Without it only later deletions follow.',
    }),
    Optional(),
  );

export class CreateRetentionPolicyDto {
  @ApiProperty({ enum: RETENTION_SELECTORS })
  @IsIn(RETENTION_SELECTORS, { message: `selector must be one of: ${RETENTION_SELECTORS.join(', ')}` })
  selector!: RetentionSelector;

  @ApiProperty({ maxLength: 320, example: 'team=edge', description: '`key=value` of a label, the id of a user, or a type of deployments' })
  @TextField({ max: 320 })
  value!: string;

  @Days()
  days!: number;

  @ApplyToDeleted()
  @IsBoolean()
  apply_to_deleted: boolean = false;
}

export class ChangeRetentionPolicyDto {
  @Days()
  days!: number;

  @ApplyToDeleted()
  @IsBoolean()
  apply_to_deleted: boolean = false;
}

export class RemovalPreviewQueryDto {
  @ApplyToDeleted()
  @QueryFlag()
  apply_to_deleted: boolean = false;
}

export class RemovePolicyQueryDto extends IntersectionType(RemovalPreviewQueryDto, DryRunQueryDto) {}

export class RetentionPolicyDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: RETENTION_SELECTORS })
  selector!: RetentionSelector;

  @ApiProperty()
  value!: string;

  @ApiProperty({ type: 'integer' })
  days!: number;

  @ApiProperty({ format: 'uuid', description: 'The administrator who changed it last' })
  changed_by!: string;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  updated_at!: string;

  static from({ id, selector, value, days, changedBy, createdAt, updatedAt }: StoredPolicy): RetentionPolicyDto {
    return {
      id,
      selector,
      value,
      days,
      changed_by: changedBy,
      created_at: createdAt.toISOString(),
      updated_at: updatedAt.toISOString(),
    };
  }
}

export class RetentionPoliciesDto {
  @ApiProperty({ type: 'integer', description: 'Where no policy says otherwise (RETENTION_DAYS)' })
  default_days!: number;

  @ApiProperty({ type: () => [RetentionPolicyDto], description: 'The strongest selector first: label, user, type' })
  policies!: RetentionPolicyDto[];
}
