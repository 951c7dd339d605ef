import { ApiPropertyOptional, getSchemaPath, type ApiPropertyOptions } from '@nestjs/swagger';
import { OwnQuotaDto } from '../../quotas/dto/own-quota.dto';

const Member = (schema: ApiPropertyOptions, description?: string): PropertyDecorator =>
  ApiPropertyOptional({ ...schema, ...(description ? { description } : {}) });
const Text = (description?: string): PropertyDecorator => Member({ type: String }, description);
const TextOrNull = (): PropertyDecorator => Member({ type: String, nullable: true });
const Texts = (description?: string): PropertyDecorator => Member({ type: [String] }, description);
const Id = (): PropertyDecorator => Member({ type: String, format: 'uuid' });
const IdOrNull = (): PropertyDecorator => Member({ type: String, format: 'uuid', nullable: true });
const Count = (description?: string): PropertyDecorator => Member({ type: 'integer' }, description);
const CountOrNull = (): PropertyDecorator => Member({ type: 'integer', nullable: true });
const Numeric = (): PropertyDecorator => Member({ type: Number });
const Flag = (): PropertyDecorator => Member({ type: Boolean });
const Time = (): PropertyDecorator => Member({ type: String, format: 'date-time' });
const TimeOrNull = (): PropertyDecorator => Member({ type: String, format: 'date-time', nullable: true });
const Words = (description?: string): PropertyDecorator =>
  Member({ type: 'object', additionalProperties: { type: 'string' } }, description);

/**
 * Everything that rows of the audit log tell of a thing before or after the act. Which members a row has depends on its action, and
 * more may come.
 */
export class AuditDetailsDto {
  @TextOrNull()
  name?: string | null;

  @Text()
  status?: string;

  @Text()
  state?: string;

  @TextOrNull()
  reason?: string | null;

  @Text()
  proof?: string;

  @TextOrNull()
  description?: string | null;

  @Texts()
  changed?: string[];

  @Text()
  kind?: string;

  @Text()
  subject?: string;

  @Count()
  version?: number;

  @Flag()
  truncated?: boolean;

  @IdOrNull()
  project_id?: string | null;

  @IdOrNull()
  user_id?: string | null;

  @Member({ type: [String], items: { type: 'string', format: 'uuid' } })
  user_ids?: string[];

  @IdOrNull()
  deployment_id?: string | null;

  @IdOrNull()
  replica_id?: string | null;

  @IdOrNull()
  node_id?: string | null;

  @Member({ type: [String], items: { type: 'string', format: 'uuid' } })
  node_ids?: string[];

  @TextOrNull()
  engine_id?: string | null;

  @Id()
  volume_id?: string;

  @IdOrNull()
  operation_id?: string | null;

  @TextOrNull()
  type?: string | null;

  @TextOrNull()
  image?: string | null;

  @Text()
  container_image?: string;

  @Count()
  replicas?: number;

  @TextOrNull()
  region?: string | null;

  @Text()
  placement_strategy?: string;

  @Numeric()
  cpu_cores?: number;

  @Count()
  memory_mb?: number;

  @Count()
  gpu_units?: number;

  @Count()
  storage_gb?: number;

  @Texts('Such as `8080/tcp`')
  ports?: string[];

  @Texts()
  routes?: string[];

  @Text()
  restart?: string;

  @Words()
  labels?: Readonly<Record<string, string>>;

  @Member({ allOf: [{ $ref: getSchemaPath('RolloutPolicyDto') }] })
  rollout?: object;

  @Texts()
  env_names?: string[];

  @Words('Names of secrets, by variable')
  secret_env?: Readonly<Record<string, string>>;

  @Flag()
  read_only_root?: boolean;

  @Member({ type: 'array', items: {} }, 'With their paths, or their names only')
  volumes?: readonly unknown[];

  @CountOrNull()
  revision?: number | null;

  @Count()
  generation?: number;

  @TextOrNull()
  protection_reason?: string | null;

  @Count()
  replicas_stopping?: number;

  @Count()
  replicas_warm?: number;

  @CountOrNull()
  grace_seconds?: number | null;

  @Count()
  keep_warm_seconds?: number;

  @Flag()
  force?: boolean;

  @TimeOrNull()
  held_until?: string | null;

  @TimeOrNull()
  deleted_at?: string | null;

  @TimeOrNull()
  purge_at?: string | null;

  @TextOrNull()
  retention_policy?: string | null;

  @Flag()
  override_retention?: boolean;

  @Member({ type: 'object', additionalProperties: { type: 'integer' } })
  removed_rows?: Readonly<Record<string, number>>;

  @Count()
  deployments?: number;

  @Count()
  created?: number;

  @Count()
  refused?: number;

  @Flag()
  all_or_nothing?: boolean;

  @Member({ type: 'object', additionalProperties: true, nullable: true }, 'As it was sent')
  filter?: object | null;

  @IdOrNull()
  undoes?: string | null;

  @Text()
  selector?: string;

  @TextOrNull()
  value?: string | null;

  @CountOrNull()
  days?: number | null;

  @Count()
  purge_times_moved?: number;

  @Text()
  node_type?: string;

  @Text()
  runtime?: string;

  @TextOrNull()
  oci_runtime?: string | null;

  @Flag()
  cordoned?: boolean;

  @Flag()
  draining?: boolean;

  @CountOrNull()
  lost_after_seconds?: number | null;

  @TextOrNull()
  address?: string | null;

  @Text()
  namespace?: string;

  @Words()
  node_selector?: Readonly<Record<string, string>>;

  @TextOrNull()
  ingress_class?: string | null;

  @TextOrNull()
  gateway?: string | null;

  @Text()
  hostname?: string;

  @TextOrNull()
  machine_id?: string | null;

  @Text()
  platform?: string;

  @Numeric()
  size_gb?: number;

  @Count('So many deployments, for a secret')
  restarted?: number;

  @Text()
  server?: string;

  @Text()
  username?: string;

  @Text('Typed at a log-in; nobody has it')
  username_given?: string;

  @Text()
  via?: string;

  @Flag()
  invited?: boolean;

  @Flag()
  is_active?: boolean;

  @Flag()
  is_admin?: boolean;

  @TextOrNull()
  role?: string | null;

  @Text()
  group?: string;

  @Count()
  groups?: number;

  @Member({ type: () => OwnQuotaDto, nullable: true }, 'Null: as configured for everybody')
  quota?: OwnQuotaDto | null;

  @Flag()
  read_only?: boolean;

  @Time()
  expires_at?: string;

  @Text('The origin of a webhook, without its path')
  url?: string;

  @Texts()
  event_types?: string[];

  @Flag()
  enabled?: boolean;

  @Count()
  repeats?: number;

  @Time()
  since?: string;

  @Numeric()
  step_seconds?: number;

  @TimeOrNull()
  stepped_at?: string | null;

  @Time()
  now?: string;

  @Text()
  through_position?: string;

  @Text()
  through_hash?: string;

  @Count()
  rows?: number;
}
