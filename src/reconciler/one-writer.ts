import type { Judgement } from './judge';
import type { PlanInput } from './plan.types';

type Deployment = Pick<PlanInput['deployment'], 'writesVolumes' | 'policy' | 'targetReplicas'>;

/**
 * The rollout policy of a deployment that writes to volumes, which no two replicas may do at once: what runs ends before its successor
 * starts. While one of its nodes takes no replicas or does not answer nothing ends, since a successor could not start there.
 */
export function policyFor(deployment: Deployment, judged: readonly Judgement[]): Deployment['policy'] {
  const { writesVolumes, policy, targetReplicas } = deployment;
  if (!writesVolumes) return policy;
  const mayStop = judged.every(({ replica }) => replica.nodeOnline && !replica.nodeDraining && !replica.nodeLost);
  return { ...policy, maxSurge: 0, maxUnavailable: mayStop ? targetReplicas : 0 };
}

/** What a replica that writes to volumes waits for before it may be placed: the end of all others. Null: nothing. */
export function writerInTheWay({ writesVolumes }: Deployment, judged: readonly Judgement[]): Judgement | null {
  return (writesVolumes && judged.find(({ replica, release }) => replica.reserved && !release)) || null;
}

/** Why a successor has to wait, in words, where that is not plain to see: the node with the volumes does not answer, or is to be left. */
export function waitWords({ replica, blocked }: Judgement): string | null {
  if (blocked !== undefined || replica.nodeLost || !replica.nodeOnline)
    return `A successor has to wait until node ${replica.nodeName} answers, which has its volumes`;
  return null;
}
