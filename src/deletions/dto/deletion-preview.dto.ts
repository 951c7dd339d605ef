import { ApiProperty } from '@nestjs/swagger';
import { DEPLOYMENT_STATUSES, type DeploymentStatus } from '../../deployments/domain/deployment-status';
import { PublishedPortDto, ResourcesDto } from '../../deployments/dto/deployment-status.dto';

const ReplicaCounts = (): PropertyDecorator =>
  ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    example: { running: 3 },
    description: 'How many replicas are in which status; only those that are not gone, or still hold capacity',
  });

export class PreviewNodeDto {
  @ApiProperty({ format: 'uuid' })
  node_id!: string;

  @ApiProperty()
  node_name!: string;

  @ApiProperty({ description: 'False: its replicas could not be stopped now' })
  reachable!: boolean;

  @ReplicaCounts()
  replicas!: Record<string, number>;

  @ApiProperty({ type: () => ResourcesDto, description: 'What is reserved on it for this deployment' })
  would_free!: ResourcesDto;
}

export class PreviewPortDto extends PublishedPortDto {
  @ApiProperty({ format: 'uuid' })
  replica_id!: string;

  @ApiProperty()
  node_name!: string;
}

export class PreviewRefusalDto {
  @ApiProperty({ example: 'deployment_protected' })
  code!: string;

  @ApiProperty()
  detail!: string;
}

/** What a delete would do now. Nothing was written. */
export class DeletionPreviewDto {
  @ApiProperty({ enum: [true] })
  dry_run!: true;

  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: DEPLOYMENT_STATUSES })
  status!: DeploymentStatus;

  @ApiProperty({ example: '"3"', description: 'Send it as `If-Match` to delete exactly what this shows, or nothing' })
  etag!: string;

  @ReplicaCounts()
  replicas!: Record<string, number>;

  @ApiProperty({ type: () => [PreviewNodeDto] })
  nodes!: PreviewNodeDto[];

  @ApiProperty({ type: [String], description: 'Names of the nodes that do not answer' })
  unreachable_nodes!: string[];

  @ApiProperty({ type: () => [PreviewPortDto], description: 'Published ports that would close; there are no other routes' })
  ports!: PreviewPortDto[];

  @ApiProperty({ type: [String], description: 'Volumes whose data is kept until the deployment is purged, so that a restore finds it' })
  keeps_volumes!: string[];

  @ApiProperty({ description: 'The name that the owner could use again' })
  frees_name!: string;

  @ApiProperty({ type: 'integer' })
  grace_seconds!: number;

  @ApiProperty()
  force!: boolean;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'With `keep_warm`, when anything runs' })
  held_until!: string | null;

  @ApiProperty({ format: 'date-time', description: 'When the records could be purged for good' })
  purge_at!: string;

  @ApiProperty({ example: '30 days, the default', description: 'The policy that sets `purge_at`' })
  retention_policy!: string;

  @ApiProperty({ type: () => PreviewRefusalDto, nullable: true, description: 'What the delete would be refused with' })
  would_be_refused!: PreviewRefusalDto | null;

  @ApiProperty({ type: [String] })
  warnings!: string[];
}
