import { Type } from 'class-transformer';
import { Max, Min } from 'class-validator';
import { ThreeDecimals } from '../../common/validation/three-decimals';
import { whole } from '../variables';

/** The bounds of what a deployment may ask for, and of what one user may do. Quotas are in QuotasConfig. */
export class LimitsConfig {
  @whole(1, 10_000)
  readonly MAX_REPLICAS: number = 100;

  /** Bulk operations of one user that have not ended; 0: no limit. */
  @whole(0, 1_000_000)
  readonly MAX_OPEN_OPERATIONS_PER_USER: number = 20;

  /** Deployments that the kept bulk operations of one user name, each time that they name it; 0: no limit. */
  @whole(0, 100_000_000)
  readonly MAX_OPERATION_ITEMS_PER_USER: number = 100_000;

  /** Refusals of one caller that the audit log tells one by one within a minute, the rest as sums; 0: all. */
  @whole(0, 1_000_000)
  readonly AUDIT_REFUSALS_PER_MINUTE: number = 30;

  /** Output of containers that one user may read within a minute, in megabytes; 0: no limit. */
  @whole(0, 1_000_000)
  readonly LOG_MB_PER_MINUTE: number = 100;

  @Type(() => Number)
  @ThreeDecimals()
  @Min(0.001)
  @Max(1_024)
  readonly MIN_CPU_CORES: number = 0.5;

  @whole(1, 1_024)
  readonly MAX_CPU_CORES: number = 32;

  @whole(8, 16_777_216)
  readonly MIN_MEMORY_MB: number = 512;

  @whole(8, 16_777_216)
  readonly MAX_MEMORY_MB: number = 65_536;

  @whole(0, 64)
  readonly MAX_GPU_UNITS: number = 8;

  /** Published ports of one replica; each takes a process of the engine's machine. */
  @whole(0, 50)
  readonly MAX_PORTS: number = 10;

  @whole(1, 1_000_000)
  readonly MIN_STORAGE_GB: number = 1;

  @whole(1, 1_000_000)
  readonly MAX_STORAGE_GB: number = 1000;
}
