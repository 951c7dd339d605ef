import type { PlanInput, RolloutStep } from './plan.types';

type StateStep = Extract<RolloutStep, { kind: 'state' }>;

/** What the history says of a rollout that has changed its state by itself. */
export function rolloutNews(
  { state, why }: StateStep,
  { rollout, revision: current }: { rollout: NonNullable<PlanInput['deployment']['rollout']>; revision: number },
): { words: string; event: 'rolled_out' | 'rolled_back' | 'rollout_paused' } {
  const { revision } = rollout;
  switch (state) {
    case 'completed':
      return { words: `Revision ${revision} rolled out`, event: 'rolled_out' };
    case 'paused':
      return { words: `Rollout of revision ${revision} paused: ${why}`, event: 'rollout_paused' };
    case 'rolled_back':
      return { words: `Revision ${revision} rolled back to ${current}: ${why}`, event: 'rolled_back' };
    case 'failed':
      return { words: `Restart of revision ${revision} failed, and the replicas from before stay: ${why}`, event: 'rolled_back' };
  }
}
