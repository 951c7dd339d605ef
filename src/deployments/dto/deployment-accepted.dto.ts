import { ApiProperty } from '@nestjs/swagger';
import { DEPLOYMENT_STATUSES, type DeploymentStatus } from '../domain/deployment-status';

/** The answer to deploy, scale, stop, start and retry. */
export class DeploymentAcceptedDto {
  @ApiProperty({ enum: [true] })
  success!: true;

  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty({ enum: DEPLOYMENT_STATUSES })
  status!: DeploymentStatus;

  @ApiProperty({ description: 'How many replicas are wanted now', type: 'integer' })
  replicas!: number;

  @ApiProperty({ example: 'Deployment queued for scheduling. Use /status/{deployment_id} to track progress.' })
  message!: string;
}
