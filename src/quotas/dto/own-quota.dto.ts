import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, Max, Min, ValidateIf } from 'class-validator';
import { ThreeDecimals } from '../../common/validation/three-decimals';
import { HELD, MOST_OF_A_QUOTA, type Held, type OwnQuota } from '../../config/quota-list';

/** The example that Swagger UI offers. */
export const QUOTA_EXAMPLE = { replicas: 20, cpu_cores: 12.5, memory_mb: 32_768, gpu_units: 0 };

/** Absent is as configured, null is no limit. */
const Limit = (description: string, rule: PropertyDecorator = IsInt()): PropertyDecorator => {
  const type = rule === CORES ? Number : 'integer';
  const shown = ApiPropertyOptional({ type, nullable: true, minimum: 0, maximum: MOST_OF_A_QUOTA, description });
  const bounded = ValidateIf((_dto: object, value: unknown) => value !== undefined && value !== null);
  return (target, key) => {
    for (const decorate of [shown, bounded, rule, Min(0), Max(MOST_OF_A_QUOTA)]) decorate(target, key);
  };
};
const CORES = ThreeDecimals();

/** The limits of one user or project. What is absent is as configured for everybody, null is no limit, and 0 allows none. */
export class OwnQuotaDto {
  @Limit('Live ones')
  deployments?: number | null;

  @Limit('Wanted by live deployments, or not gone yet of deleted ones; so are the next five')
  replicas?: number | null;

  @Limit('', CORES)
  cpu_cores?: number | null;

  @Limit('')
  memory_mb?: number | null;

  @Limit('')
  gpu_units?: number | null;

  @Limit('')
  storage_gb?: number | null;

  @Limit('Their sizes count as storage')
  volumes?: number | null;

  @Limit('Published')
  ports?: number | null;

  @Limit('Deleted ones that can be restored')
  kept_deployments?: number | null;

  @Limit('Of specs and labels, of live and kept deployments')
  stored_bytes?: number | null;
}

/** Without the members that were not sent. */
export function ownQuotaOf(sent: OwnQuotaDto): OwnQuota {
  const given: Partial<Record<Held, number | null>> = {};
  for (const held of HELD) if (sent[held] !== undefined) given[held] = sent[held];
  return given;
}
