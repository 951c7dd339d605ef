import type { ContainerSpec } from '../../engines/container-spec';
import type { RolloutPolicy } from '../domain/rollout';
import type { AskedRoute } from '../../routing/hosts/asked-route';
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
  readonly rollout: RolloutPolicy;
  readonly routes: readonly AskedRoute[];
  readonly container: ContainerSpec;
}

/** A deploy as it was asked for. */
export interface DeployOrder {
  readonly spec: DeploymentSpec;
  /** The name or the id of the project; null: the personal project of who asks. */
  readonly project: string | null;
  /** Null: no protection is wanted. */
  readonly protectionReason: string | null;
}
