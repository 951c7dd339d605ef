import type { Plan, PlanInput } from './plan.types';

type Placing = Pick<PlanInput, 'replicas'> & {
  readonly deployment: Pick<PlanInput['deployment'], 'targetReplicas' | 'revision' | 'rollout'>;
};

/**
 * Whether a deployment may hold more than its wanted replicas need once the planned ones are placed, so that quotas are to be asked. What
 * is on nodes that are drained or do not answer is not counted, as in `QuotaRoom`. Pure.
 */
export function mayHoldMore({ deployment, replicas }: Placing, { place, release }: Pick<Plan, 'place' | 'release'>): boolean {
  if (!place) return false;
  const held = replicas.filter(
    ({ id, reserved, nodeOnline, nodeDraining }) => reserved && nodeOnline && !nodeDraining && !release.includes(id),
  );
  const known = [deployment.revision, deployment.rollout?.revision];
  return held.length + place.count > deployment.targetReplicas || held.some(({ revision }) => !known.includes(revision));
}
