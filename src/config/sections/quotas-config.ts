import { IsReadBy, whole } from '../variables';
import { readQuotaList } from '../quota-list';

/** What one user, and one project that is not personal, may hold where an administrator has not said otherwise; 0: no limit. */
export class QuotasConfig {
  /** Of all live deployments of one user. */
  @whole(0, 1_000_000)
  readonly MAX_DEPLOYMENTS_PER_USER: number = 500;

  /** Wanted by all live deployments of one user, or held by them if that is more, or not gone yet of deleted ones. */
  @whole(0, 10_000_000)
  readonly MAX_REPLICAS_PER_USER: number = 2_000;

  @whole(0, 100_000_000)
  readonly MAX_CPU_CORES_PER_USER: number = 0;

  @whole(0, 1_000_000_000)
  readonly MAX_MEMORY_MB_PER_USER: number = 0;

  @whole(0, 1_000_000)
  readonly MAX_GPU_UNITS_PER_USER: number = 0;

  @whole(0, 1_000_000_000)
  readonly MAX_STORAGE_GB_PER_USER: number = 0;

  /** Those that are being removed included. Their sizes count as storage. */
  @whole(0, 1_000_000)
  readonly MAX_VOLUMES_PER_USER: number = 100;

  /** Published ports of all replicas. */
  @whole(0, 10_000_000)
  readonly MAX_PORTS_PER_USER: number = 0;

  /** Deleted deployments of one user that are still kept; beyond it nothing new is deployed. */
  @whole(0, 10_000_000)
  readonly MAX_KEPT_DEPLOYMENTS_PER_USER: number = 20_000;

  /** Specs and labels of all deployments of one user, live and kept, in megabytes. */
  @whole(0, 1_000_000)
  readonly MAX_STORED_MB_PER_USER: number = 100;

  @whole(0, 1_000_000)
  readonly MAX_DEPLOYMENTS_PER_PROJECT: number = 0;

  @whole(0, 10_000_000)
  readonly MAX_REPLICAS_PER_PROJECT: number = 0;

  @whole(0, 100_000_000)
  readonly MAX_CPU_CORES_PER_PROJECT: number = 0;

  @whole(0, 1_000_000_000)
  readonly MAX_MEMORY_MB_PER_PROJECT: number = 0;

  @whole(0, 1_000_000)
  readonly MAX_GPU_UNITS_PER_PROJECT: number = 0;

  @whole(0, 1_000_000_000)
  readonly MAX_STORAGE_GB_PER_PROJECT: number = 0;

  @whole(0, 1_000_000)
  readonly MAX_VOLUMES_PER_PROJECT: number = 0;

  @whole(0, 10_000_000)
  readonly MAX_PORTS_PER_PROJECT: number = 0;

  @whole(0, 10_000_000)
  readonly MAX_KEPT_DEPLOYMENTS_PER_PROJECT: number = 0;

  @whole(0, 1_000_000)
  readonly MAX_STORED_MB_PER_PROJECT: number = 0;

  /** The own quota of those who register by themselves or come from the identity provider, where it is not as for everybody. */
  @IsReadBy(readQuotaList)
  readonly REGISTRATION_QUOTA: string =
    'deployments=20,replicas=40,cpu_cores=16,memory_mb=32768,gpu_units=0,storage_gb=400,volumes=10,ports=40,kept_deployments=500,stored_bytes=20000000';
}
