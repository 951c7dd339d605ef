import { aPlanInput, aReplica, NOW, secondsAgo, showing } from '../../test/support/plan-input';
import { plan } from './plan';

const running = (id: string, revision: number, over = {}) => aReplica(id, { revision, ...over });

describe('plan, of several revisions', () => {
  it('places what the wanted revision lacks, and ends what runs another one', () => {
    const replicas = [running('old', 1), running('new', 2)];
    const views = { n1: showing(['old', 'running'], ['new', 'running']) };
    const result = plan(aPlanInput({ replicas, views, deployment: { targetReplicas: 2, revision: 2 } }));
    expect(result.place).toEqual({ revision: 2, count: 1, cause: 'replace', replaces: [] });
    expect(result.moves).toEqual([expect.objectContaining({ replicaId: 'old', from: 'running', to: 'stopping' })]);
    expect(result.remove).toEqual([{ nodeId: 'n1', replicaId: 'old' }]);
  });

  it('does not take a replica of another revision for a wanted one', () => {
    const replicas = [running('old', 1, { status: 'running' })];
    const result = plan(
      aPlanInput({
        replicas,
        deployment: { status: 'scheduled', targetReplicas: 1, revision: 2 },
        views: { n1: showing(['old', 'running']) },
      }),
    );
    expect(result.deployment).toBeNull();
    expect(result.place).toMatchObject({ revision: 2, count: 1 });
  });

  it('replaces no failure of a revision that is no longer wanted', () => {
    const failed = { status: 'failed', reserved: false, changedAt: secondsAgo(600) } as const;
    const replicas = [running('lost', 1, failed), running('kept', 2)];
    const views = { n1: showing(['kept', 'running']) };
    const result = plan(aPlanInput({ replicas, views, deployment: { targetReplicas: 1, revision: 2 }, now: NOW }));
    expect(result.place).toBeNull();
    expect(result.supersede).toEqual(['lost']);
  });
});
