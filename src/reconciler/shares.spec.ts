import { aPlanInput, aReplica, NOW, secondsAgo, showing } from '../../test/support/plan-input';
import { plan } from './plan';

const running = (id: string, rollout: number, over = {}) =>
  aReplica(id, { revision: rollout + 1, rollout, runningAt: secondsAgo(60), ...over });
const rolledOut = { revision: 2, currentRollout: 1 };

describe('plan, after a rollout', () => {
  it('places what the current rollout lacks, and lets what was before it serve until then', () => {
    const replicas = [running('old', 0), running('new', 1)];
    const views = { n1: showing(['old', 'running'], ['new', 'running']) };
    const result = plan(aPlanInput({ replicas, views, deployment: { targetReplicas: 2, ...rolledOut } }));
    expect(result.place).toEqual({ revision: 2, rollout: 1, count: 1, cause: 'replace', replaces: [] });
    expect(result.moves).toEqual([]);
  });

  it('ends what was before it when that is no longer needed', () => {
    const replicas = [running('old', 0), running('new', 1)];
    const views = { n1: showing(['old', 'running'], ['new', 'running']) };
    const result = plan(aPlanInput({ replicas, views, deployment: { targetReplicas: 1, ...rolledOut } }));
    expect(result.place).toBeNull();
    expect(result.moves).toEqual([expect.objectContaining({ replicaId: 'old', from: 'running', to: 'stopping' })]);
    expect(result.remove).toEqual([{ nodeId: 'n1', replicaId: 'old' }]);
  });

  it('does not take a replica of an earlier rollout for a wanted one', () => {
    const result = plan(
      aPlanInput({
        replicas: [running('old', 0)],
        deployment: { status: 'scheduled', targetReplicas: 1, ...rolledOut },
        views: { n1: showing(['old', 'running']) },
      }),
    );
    expect(result.deployment).toBeNull();
    expect(result.place).toMatchObject({ revision: 2, rollout: 1, count: 1 });
  });

  it('replaces no failure of an earlier rollout', () => {
    const failed = { status: 'failed', reserved: false, changedAt: secondsAgo(600) } as const;
    const replicas = [running('lost', 0, failed), running('kept', 1)];
    const views = { n1: showing(['kept', 'running']) };
    const result = plan(aPlanInput({ replicas, views, deployment: { targetReplicas: 1, ...rolledOut }, now: NOW }));
    expect(result.place).toBeNull();
    expect(result.supersede).toEqual(['lost']);
  });
});
