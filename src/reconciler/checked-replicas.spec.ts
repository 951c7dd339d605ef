import type { ChecksRepository, Sighting } from '../checks/checks.repository';
import type { ContainerSpec, HealthCheckSpec } from '../engines/container-spec';
import type { NodeTarget } from '../engines/node-target';
import { ENGINE_TRAITS, type DrivenKind } from '../engines/runtime-kinds';
import type { ObservedWorkload } from '../runtime/runtime-driver';
import type { Runtimes } from '../runtime/runtimes';
import { aReplica, aWorkload } from '../../test/support/plan-input';
import { CheckedReplicas } from './checked-replicas';
import type { PlanReplica } from './plan.types';
import type { Snapshot } from './snapshot.repository';

const TIMES = { intervalSeconds: 1, timeoutSeconds: 1, retries: 3, startPeriodSeconds: 0 };
const TCP: HealthCheckSpec = { tcp: { port: 80 }, ...TIMES };
const COMMAND: HealthCheckSpec = { command: ['true'], ...TIMES };
const STARTED = new Date('2026-01-01T00:00:00Z');
const PORT = { containerPort: 80, protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 32_768 } as const;
const up = (phase: ObservedWorkload['phase'], over: Partial<ObservedWorkload> = {}): ObservedWorkload =>
  aWorkload('a', phase, { containerId: 'c1', startedAt: STARTED, hasRun: true, publishedPorts: [PORT], ...over });
const RUN = `c1 ${STARTED.toISOString()}`;

/** What comes of one replica with this check, and what is noted. */
async function add(
  check: HealthCheckSpec | null,
  workload: ObservedWorkload | null,
  { replica = aReplica('a', { status: 'starting' }), runtime = 'docker' }: { replica?: PlanReplica; runtime?: DrivenKind } = {},
): Promise<{ shown: ObservedWorkload | undefined; replica: PlanReplica | undefined; noted: readonly Sighting[] }> {
  const noted: Sighting[] = [];
  const checks = { note: (sightings: readonly Sighting[]) => Promise.resolve(void noted.push(...sightings)) };
  const runtimes = { driverFor: () => ({ traits: ENGINE_TRAITS[runtime] }) };
  const node: NodeTarget = { id: replica.nodeId, name: 'node-1', runtime, endpoint: null };
  const specs = new Map([[replica.revision, { healthCheck: check } as ContainerSpec]]);
  const snapshot = { replicas: [replica], specs, nodes: new Map([[node.id, node]]) } as unknown as Snapshot;
  const view = { reachable: true, workloads: new Map(workload ? [['a', workload]] : []) } as const;
  const added = await new CheckedReplicas(checks as unknown as ChecksRepository, runtimes as unknown as Runtimes).add(
    snapshot,
    new Map([[node.id, view]]),
  );
  const after = added.views.get(node.id);
  return { shown: after?.reachable ? after.workloads.get('a') : undefined, replica: added.replicas[0], noted };
}
const recorded = (healthy: boolean | null, reason: string | null = null, run = RUN): PlanReplica =>
  aReplica('a', { status: 'running', check: { run, healthy, reason } });

describe('what health checks add to what engines show', () => {
  it('is nothing without a check', async () => {
    expect(await add(null, up('running'))).toMatchObject({ shown: { phase: 'running' }, replica: { healthy: null }, noted: [] });
  });

  it('is that a new run has not passed yet, and has to be probed at its port', async () => {
    const { shown, replica, noted } = await add(TCP, up('running'));
    expect(shown?.phase).toBe('starting');
    expect(replica?.healthy).toBeNull();
    expect(noted).toEqual([
      {
        replicaId: 'a',
        run: RUN,
        healthy: null,
        reason: null,
        probe: { check: TCP, published: { hostIp: '0.0.0.0', hostPort: 32_768 } },
      },
    ]);
  });

  it.each([
    [true, null, 'running', null],
    [null, 'GET / answered 503', 'starting', 'GET / answered 503'],
    [false, 'GET / answered 503, twice in a row', 'unhealthy', 'GET / answered 503, twice in a row'],
  ])('is the verdict %s', async (healthy, words, phase, reason) => {
    const { shown, replica, noted } = await add(TCP, up('running'), { replica: recorded(healthy, words) });
    expect(shown).toMatchObject({ phase, reason });
    expect(replica?.healthy).toBe(healthy);
    expect(noted).toEqual([]);
  });

  it('is nothing of an earlier run', async () => {
    const { shown, replica, noted } = await add(TCP, up('running'), { replica: recorded(false, 'old', 'c1 earlier') });
    expect(shown).toMatchObject({ phase: 'starting', reason: null });
    expect(replica?.healthy).toBeNull();
    expect(noted).toMatchObject([{ run: RUN, healthy: null }]);
  });

  it('knows a run by its recorded begin where a list does not tell it', async () => {
    const replica = { ...recorded(true), runAt: STARTED };
    expect(await add(TCP, up('running', { startedAt: null }), { replica })).toMatchObject({ shown: { phase: 'running' }, noted: [] });
  });

  it.each(['paused', 'exited'] as const)('says nothing of a container that is %s', async (phase) => {
    const { shown, noted } = await add(TCP, up(phase), { replica: recorded(false) });
    expect(shown?.phase).toBe(phase);
    expect(noted).toEqual([]);
  });

  it.each([
    ['a command', COMMAND, 'docker'],
    ['a port, where the engine checks it', TCP, 'simulated'],
  ] as const)('leaves %s to the engine, and notes what it says when that changes', async (_what, check, runtime) => {
    const well = await add(check, up('running'), { runtime });
    expect(well).toMatchObject({ shown: { phase: 'running' }, replica: { healthy: true } });
    expect(well.noted).toMatchObject([{ probe: null, healthy: true, reason: null }]);
    expect((await add(check, up('running'), { runtime, replica: recorded(true) })).noted).toEqual([]);
    const ill = await add(check, up('unhealthy', { reason: 'no' }), { runtime, replica: recorded(true) });
    expect(ill).toMatchObject({ shown: { phase: 'unhealthy' }, replica: { healthy: false } });
    expect(ill.noted).toMatchObject([{ probe: null, healthy: false, reason: 'no' }]);
  });

  it('has no port to probe where the engine has published none', async () => {
    expect((await add(TCP, up('running', { publishedPorts: [] }))).noted).toMatchObject([{ probe: { check: TCP, published: null } }]);
  });
});
