import fc from 'fast-check';
import { healthOf, type HealthReplica } from './health';
import { REPLICA_STATUSES, type ReplicaStatus } from './replica-status';

const replica = (status: ReplicaStatus, over: Partial<HealthReplica> = {}): HealthReplica => ({
  status,
  reason: null,
  nodeName: 'edge-1',
  confirmed: true,
  paused: false,
  completed: false,
  healthy: null,
  ...over,
});
const all = (...statuses: ReplicaStatus[]): HealthReplica[] => statuses.map((status) => replica(status));

describe('healthOf', () => {
  it.each<[string, HealthReplica[], number, string]>([
    ['is healthy when as many run as are wanted', all('running', 'running'), 2, 'healthy'],
    ['is healthy when more run than are wanted', all('running', 'running'), 1, 'healthy'],
    ['is unhealthy without replicas', [], 1, 'unhealthy'],
    ['is unhealthy when none runs yet', all('pending', 'starting'), 2, 'unhealthy'],
    ['is unhealthy when all failed', all('failed', 'failed'), 2, 'unhealthy'],
    ['is unhealthy when all are stopped', all('stopped', 'stopping'), 2, 'unhealthy'],
    ['is degraded when fewer run than are wanted', all('running', 'starting'), 2, 'degraded'],
    ['is degraded by one failure, even when enough run', all('running', 'running', 'failed'), 2, 'degraded'],
    ['is not degraded by stopped ones', all('running', 'running', 'stopped', 'stopping'), 2, 'healthy'],
    ['is degraded when a running one cannot be confirmed', [...all('running'), replica('running', { confirmed: false })], 2, 'degraded'],
    ['is degraded when a running one fails its check', all('running').concat(replica('running', { healthy: false })), 2, 'degraded'],
    ['is degraded when a running one is paused', all('running').concat(replica('running', { paused: true })), 2, 'degraded'],
    [
      'is healthy when all have ended well',
      [replica('stopped', { completed: true }), replica('stopping', { completed: true })],
      2,
      'healthy',
    ],
    ['is healthy when one runs and the other has ended well', [...all('running'), replica('stopped', { completed: true })], 2, 'healthy'],
    ['is degraded when one has ended well and the other badly', [...all('failed'), replica('stopped', { completed: true })], 2, 'degraded'],
    ['is degraded when the only one is paused, as nothing has failed', [replica('running', { paused: true })], 1, 'degraded'],
  ])('%s', (_name, replicas, target, health) => {
    expect(healthOf(replicas, target).health).toBe(health);
  });

  it('says why, in words, each once', () => {
    const failed = replica('failed', { reason: 'Exited with code 1' });
    const lost = replica('running', { confirmed: false, nodeName: 'edge-2' });
    expect(healthOf([failed, failed, replica('failed'), lost, lost, replica('running', { paused: true })], 4).reasons).toEqual([
      '3 of 4 replicas running',
      'A replica on edge-1 failed: Exited with code 1',
      'A replica on edge-1 failed: no reason known',
      '2 running replicas on edge-2 cannot be confirmed: the node does not answer',
      '1 running replicas on edge-1 are paused: somebody has frozen their containers',
    ]);
  });

  it("follows the contract's rules, and gives reasons exactly when not healthy", () => {
    const drawn = fc.record({ status: fc.constantFrom(...REPLICA_STATUSES), confirmed: fc.boolean(), paused: fc.boolean() });
    fc.assert(
      fc.property(fc.array(drawn, { maxLength: 8 }), fc.integer({ min: 1, max: 6 }), (replicas, target) => {
        const { health, reasons } = healthOf(
          replicas.map(({ status, ...over }) => replica(status, over)),
          target,
        );
        const count = (status: ReplicaStatus): number => replicas.filter((each) => each.status === status).length;
        const unsure = replicas.some((each) => each.status === 'running' && (!each.confirmed || each.paused));
        const short = count('failed') > 0 || count('running') < target || unsure;
        expect(health).toBe(count('running') === 0 ? 'unhealthy' : short ? 'degraded' : 'healthy');
        expect(reasons.length === 0).toBe(health === 'healthy');
      }),
    );
  });
});
