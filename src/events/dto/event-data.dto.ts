import { ApiPropertyOptional } from '@nestjs/swagger';

const Text = (description?: string): PropertyDecorator => ApiPropertyOptional({ type: String, ...(description ? { description } : {}) });
const Time = (): PropertyDecorator => ApiPropertyOptional({ type: String, format: 'date-time', nullable: true });

/** Everything that events tell, as the OpenAPI document shows it. Each type has the members that docs/events.md names; more may come. */
export class EventDataDto {
  @ApiPropertyOptional({ format: 'uuid' })
  deployment_id?: string;

  @Text('Of the deployment, of the node, of the container of an orphan, of the secret, or of the credential for a registry')
  name?: string;

  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string' }, description: 'Of the deployment' })
  labels?: Record<string, string>;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'Null: there was none before', example: 'scheduled' })
  old_status?: string | null;

  @ApiPropertyOptional({ type: String, example: 'running' })
  new_status?: string;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'In words', example: 'All 2 replicas started successfully' })
  reason?: string | null;

  @ApiPropertyOptional({ type: [String], description: 'Why a teardown does not get on' })
  reasons?: string[];

  @ApiPropertyOptional({ type: 'integer' })
  target_replicas?: number;

  @ApiPropertyOptional({ type: 'integer', description: 'How many an administrator gave up' })
  replicas?: number;

  @ApiPropertyOptional({ type: 'integer' })
  generation?: number;

  @ApiPropertyOptional({ type: String, format: 'uuid', nullable: true, description: 'The user; null: the system itself' })
  changed_by?: string | null;

  @ApiPropertyOptional({ type: String, nullable: true })
  request_id?: string | null;

  @ApiPropertyOptional({ format: 'uuid', description: 'Of a node that went offline or came back, or that has an orphan' })
  node_id?: string;

  @Text('Of the node')
  region?: string;

  @Time()
  last_heartbeat?: string | null;

  @Time()
  offline_since?: string | null;

  @ApiPropertyOptional({ format: 'uuid' })
  operation_id?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  orphan_id?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Of a container that was adopted' })
  replica_id?: string;

  @Text('Of the operation, of the channel, or of the orphan')
  kind?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  subscription_id?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Who asked for a test' })
  requested_by?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Of the project' })
  project_id?: string;

  @Text('Of the project')
  project?: string;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'Of the user in the project; null: not in it any more' })
  role?: string | null;

  @ApiPropertyOptional({ type: 'boolean', description: 'Whether the role is of a group of the identity provider' })
  by_group?: boolean;

  @Text('What became of the secret or the credential: created, changed or deleted')
  change?: string;

  @Text('The registry of a credential')
  server?: string;

  @Text('The project of a deployment before it was moved')
  from?: string;

  @Text('The project of a deployment since it was moved')
  to?: string;

  @Time()
  deleted_at?: string | null;

  @Time()
  purge_at?: string | null;
}
