import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { RUNTIME_KINDS, type RuntimeKind } from '../../engines/runtime-kinds';
import { DEPLOYMENT_STATUSES, NO_STATUS, type DeploymentStatus } from '../domain/deployment-status';
import { RouteDto } from './route.dto';
import { REPLICA_STATUSES, type ReplicaStatus } from '../domain/replica-status';
import { RolloutDto } from './rollout.dto';

export class PublishedPortDto {
  @ApiProperty({ type: 'integer' })
  container_port!: number;

  @ApiProperty({ enum: ['tcp', 'udp'] })
  protocol!: string;

  @ApiProperty()
  host_ip!: string;

  @ApiProperty({ type: 'integer' })
  host_port!: number;
}

export class ReplicaDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'uuid' })
  node_id!: string;

  @ApiProperty({ enum: REPLICA_STATUSES })
  status!: ReplicaStatus;

  @ApiProperty({ type: String, nullable: true })
  container_id!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  started_at!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  stopped_at!: string | null;

  @ApiProperty()
  node_name!: string;

  @ApiProperty({ enum: RUNTIME_KINDS, description: '`simulated`: nothing really runs' })
  runtime!: RuntimeKind;

  @ApiProperty({ description: 'False while the node does not answer: nobody knows whether the container still runs' })
  confirmed!: boolean;

  @ApiProperty({ description: 'Somebody has paused the container on its engine: it is neither replaced nor a failure, but does nothing' })
  paused!: boolean;

  @ApiProperty({
    type: Boolean,
    nullable: true,
    description: 'What its health check says. null: it has none, or nothing is known yet; until the first success it is `starting`',
  })
  healthy!: boolean | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When the engine was last asked' })
  observed_at!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why it is in this status, in words' })
  reason!: string | null;

  @ApiProperty({ type: 'integer', description: 'How often in a row it, and those that it stands in for, have failed' })
  attempt!: number;

  @ApiProperty({ type: 'integer', description: 'The revision that it runs' })
  revision!: number;

  @ApiProperty({ type: () => [PublishedPortDto] })
  ports!: PublishedPortDto[];
}

export class ResourcesDto {
  @ApiProperty()
  cpu_cores!: number;

  @ApiProperty({ type: 'integer' })
  memory_mb!: number;

  @ApiProperty({ type: 'integer' })
  gpu_units!: number;

  @ApiProperty({ type: 'integer' })
  storage_gb!: number;
}

export class StatusChangeDto {
  @ApiProperty({ enum: [NO_STATUS, ...DEPLOYMENT_STATUSES] })
  old_status!: DeploymentStatus | typeof NO_STATUS;

  @ApiProperty({ enum: DEPLOYMENT_STATUSES })
  new_status!: DeploymentStatus;

  @ApiProperty({ format: 'date-time' })
  changed_at!: string;

  @ApiProperty()
  reason!: string;
}

export class HistoryEntryDto extends StatusChangeDto {
  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The user; null: the system itself' })
  changed_by!: string | null;

  @ApiProperty({ type: String, nullable: true })
  request_id!: string | null;
}

/** The background work on a deployment, while there is some. */
export class WorkDto {
  @ApiProperty({ type: 'integer', description: 'Failed attempts in a row' })
  attempts!: number;

  @ApiProperty({ type: String, nullable: true, description: 'What the last attempt failed with, in words' })
  last_error!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Since when it has been failing' })
  stuck_since!: string | null;

  @ApiProperty({ format: 'date-time' })
  next_attempt_at!: string;
}

export class DeploymentStatusDto {
  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty({ format: 'uuid', description: 'The same as `deployment_id`: `id` is always that of the thing itself' })
  id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: DEPLOYMENT_STATUSES })
  status!: DeploymentStatus;

  @ApiProperty({ enum: ['healthy', 'degraded', 'unhealthy'] })
  health!: 'healthy' | 'degraded' | 'unhealthy';

  @ApiProperty({ type: [String], description: 'Why it is not healthy, and which replicas no router reaches' })
  health_reasons!: string[];

  @ApiProperty({ type: 'integer' })
  target_replicas!: number;

  @ApiProperty({ type: 'integer', description: 'The current revision: the one that was last rolled out whole' })
  revision!: number;

  @ApiProperty({ type: () => RolloutDto, nullable: true, description: 'The newest rollout; null when it was never changed' })
  rollout!: RolloutDto | null;

  @ApiProperty({
    type: () => [ReplicaDto],
    description: 'The current ones first, oldest first, then the newest of the past (`finished_replicas`)',
  })
  replicas!: ReplicaDto[];

  @ApiProperty({ type: () => [RouteDto], description: 'Where it is reached' })
  routes!: RouteDto[];

  @ApiProperty({ type: () => ResourcesDto, description: 'Per replica' })
  resources!: ResourcesDto;

  @ApiProperty({ type: () => [StatusChangeDto], description: 'The last ten, newest first' })
  recent_status_changes!: StatusChangeDto[];

  @ApiPropertyOptional({ type: () => WorkDto, nullable: true, description: 'The background work; null when nothing is left to do' })
  work!: WorkDto | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Since when the deletion does not get on; see /deletion' })
  stuck_since!: string | null;

  @ApiProperty({ description: 'Deletes are refused until the protection is lifted' })
  protected!: boolean;

  @ApiProperty({ type: String, nullable: true })
  protection_reason!: string | null;

  @ApiProperty({ description: 'Neither deleted nor purged until an administrator lifts the hold' })
  legal_hold!: boolean;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  updated_at!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  deleted_at!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When it is removed for good; null while it lives' })
  purge_at!: string | null;

  @ApiProperty({ format: 'uuid' })
  project_id!: string;

  @ApiProperty({ description: 'The name of its project' })
  project!: string;
}
