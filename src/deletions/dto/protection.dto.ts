import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsUUID } from 'class-validator';
import { Optional, TextField } from '../../common/validation/fields';
import { MAX_REASON_LENGTH } from '../../deployments/domain/limits';

/** The reason for a protection, a legal hold or a force release; it is shown and audited. */
export class ReasonDto {
  @ApiProperty({ example: 'Serves production traffic', maxLength: MAX_REASON_LENGTH })
  @TextField({ max: MAX_REASON_LENGTH })
  reason!: string;
}

export class ForceReleaseRequestDto extends ReasonDto {
  @ApiPropertyOptional({ format: 'uuid', description: 'Only what this node holds; default: every node that does not answer' })
  @Optional()
  @IsUUID()
  node_id?: string;
}

/** What protects a deployment from being deleted. */
export class ProtectionDto {
  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty()
  protected!: boolean;

  @ApiProperty({ type: String, nullable: true })
  protection_reason!: string | null;

  @ApiProperty({ description: 'Neither deleted nor purged until an administrator lifts the hold' })
  legal_hold!: boolean;

  static of(id: string, state: { protectionReason: string | null; legalHoldReason: string | null }): ProtectionDto {
    return {
      deployment_id: id,
      protected: state.protectionReason !== null,
      protection_reason: state.protectionReason,
      legal_hold: state.legalHoldReason !== null,
    };
  }
}

export class ForceReleasedReplicaDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'uuid' })
  node_id!: string;

  @ApiProperty()
  node_name!: string;
}

/** The replicas that were force-released. */
export class ForceReleaseDto {
  @ApiProperty({ enum: [true] })
  success!: true;

  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty({ type: () => [ForceReleasedReplicaDto], description: 'Now `failed`; what they reserved is free' })
  replicas!: ForceReleasedReplicaDto[];

  @ApiProperty({ description: 'True only when no reservation of the deployment is left open' })
  resources_released!: boolean;

  @ApiProperty({ example: 'Gave up 2 replicas on nodes that do not answer' })
  message!: string;
}
