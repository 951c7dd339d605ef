import type { ContainerSpec } from '../../engines/container-spec';
import type { PlacementStrategy } from '../../scheduling/place.types';

export const DEPLOYMENT_TYPES = ['compute', 'storage', 'gateway', 'mixnode'] as const;
export type DeploymentType = (typeof DEPLOYMENT_TYPES)[number];

/**
 * Everything that a user asks for. `container` becomes a revision; the rest is kept in the deployment and can change without a
 * new revision.
 */
export interface DeploymentSpec {
  readonly name: string;
  readonly type: DeploymentType;
  readonly replicas: number;
  readonly region: string;
  readonly placementStrategy: PlacementStrategy;
  readonly labels: Readonly<Record<string, string>>;
  readonly container: ContainerSpec;
}
