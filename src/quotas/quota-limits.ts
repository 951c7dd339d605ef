import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { HELD, type Held, type OwnQuota } from '../config/quota-list';

/** Whose quota it is: that of a user, in all projects, or that of a project that is not personal. */
export type HolderKind = 'user' | 'project';

/** The limits that hold; null: no limit. */
export type Limits = Readonly<Record<Held, number | null>>;

const BYTES_OF_A_MB = 1_000_000;

/** Which limits hold for a user or a project: its own, else those that are configured for everybody. */
@Injectable()
export class QuotaLimits {
  private readonly configured: Readonly<Record<HolderKind, Limits>>;

  constructor(config: AppConfig) {
    this.configured = {
      user: limitsOf({
        deployments: config.MAX_DEPLOYMENTS_PER_USER,
        replicas: config.MAX_REPLICAS_PER_USER,
        cpu_cores: config.MAX_CPU_CORES_PER_USER,
        memory_mb: config.MAX_MEMORY_MB_PER_USER,
        gpu_units: config.MAX_GPU_UNITS_PER_USER,
        storage_gb: config.MAX_STORAGE_GB_PER_USER,
        ports: config.MAX_PORTS_PER_USER,
        volumes: config.MAX_VOLUMES_PER_USER,
        kept_deployments: config.MAX_KEPT_DEPLOYMENTS_PER_USER,
        stored_bytes: config.MAX_STORED_MB_PER_USER * BYTES_OF_A_MB,
      }),
      project: limitsOf({
        deployments: config.MAX_DEPLOYMENTS_PER_PROJECT,
        replicas: config.MAX_REPLICAS_PER_PROJECT,
        cpu_cores: config.MAX_CPU_CORES_PER_PROJECT,
        memory_mb: config.MAX_MEMORY_MB_PER_PROJECT,
        gpu_units: config.MAX_GPU_UNITS_PER_PROJECT,
        storage_gb: config.MAX_STORAGE_GB_PER_PROJECT,
        volumes: config.MAX_VOLUMES_PER_PROJECT,
        ports: config.MAX_PORTS_PER_PROJECT,
        kept_deployments: config.MAX_KEPT_DEPLOYMENTS_PER_PROJECT,
        stored_bytes: config.MAX_STORED_MB_PER_PROJECT * BYTES_OF_A_MB,
      }),
    };
  }

  of(kind: HolderKind, own: OwnQuota = {}): Limits {
    return { ...this.configured[kind], ...own };
  }
}

/** In variables 0 is no limit; in a quota of somebody's own it is none at all. */
const limitsOf = (variables: Readonly<Record<Held, number>>): Limits => {
  const limits = { ...variables } as Record<Held, number | null>;
  for (const held of HELD) if (limits[held] === 0) limits[held] = null;
  return limits;
};
