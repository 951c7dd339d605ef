import type { Resources } from '../../engines/resources';
import type { HealthCheckSpec, PortSpec } from '../../engines/container-spec';
import type { PlacementStrategy } from '../../scheduling/place.types';

export const DEPLOYMENT_TYPES = ['compute', 'storage', 'gateway', 'mixnode'] as const;
export type DeploymentType = (typeof DEPLOYMENT_TYPES)[number];

/** A user's whole wish, as it is stored. Nothing that was sent is dropped. `env` values are secrets. */
export interface DeploymentSpec {
  readonly name: string;
  readonly type: DeploymentType;
  readonly containerImage: string;
  readonly replicas: number;
  readonly resources: Resources;
  readonly region: string;
  readonly placementStrategy: PlacementStrategy;
  readonly command: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  readonly ports: readonly PortSpec[];
  readonly healthCheck: HealthCheckSpec | null;
  readonly labels: Readonly<Record<string, string>>;
}
