import { aSight, ENGINE } from '../../../test/support/a-sight';
import type { ReportedWorkload } from '../../runtime/agent/link-messages';
import { reportAfter, type Told } from './report-delta';
import type { Sight } from './sight';

const workload = (replicaId: string, over: Partial<ReportedWorkload> = {}): ReportedWorkload => ({
  replicaId,
  deploymentId: 'd',
  containerId: 'c',
  phase: 'running',
  hasRun: true,
  startedAt: '2026-01-01T00:00:00.000Z',
  upSeconds: null,
  exitCode: null,
  reason: null,
  publishedPorts: [],
  origin: null,
  version: 1,
  ...over,
});
const told = (first: Sight): Told => reportAfter(null, first)!.told;

describe('what a report tells', () => {
  it('is everything at first, and nothing while nothing changes', () => {
    const first = aSight({ workloads: [workload('a')], gone: [{ replicaId: 'g', version: 3 }] });
    const report = reportAfter(null, first)!;
    expect(report.content).toMatchObject({ whole: true, workloads: [{ replicaId: 'a' }], gone: [{ replicaId: 'g', version: 3 }] });
    expect(reportAfter(report.told, first)).toBeNull();
    expect(reportAfter(null, aSight())!.content.whole).toBe(true);
  });

  it('is then what has changed', () => {
    const before = told(aSight({ workloads: [workload('a'), workload('b')] }));
    const next = reportAfter(before, aSight({ workloads: [workload('a'), workload('b', { phase: 'exited' })] }))!;
    expect(next.content).toMatchObject({ whole: false, workloads: [{ replicaId: 'b', phase: 'exited' }], gone: [] });
  });

  it('names what has vanished, ordered or not, once', () => {
    const before = told(aSight({ workloads: [workload('a'), workload('stranger')] }));
    const after = aSight({ gone: [{ replicaId: 'a', version: 7 }] });
    const next = reportAfter(before, after)!;
    expect(next.content.gone).toEqual([
      { replicaId: 'a', version: 7 },
      { replicaId: 'stranger', version: null },
    ]);
    expect(reportAfter(next.told, after)).toBeNull();
  });

  it('keeps what it has told while the engine is silent, and says only that', () => {
    const before = told(aSight({ workloads: [workload('a')] }));
    const silent = reportAfter(before, aSight({ engine: null, engineTrouble: 'The engine of this node does not answer' }))!;
    expect(silent.content).toMatchObject({ engine: null, workloads: [], gone: [] });
    expect(reportAfter(silent.told, aSight({ workloads: [workload('a')] }))!.content).toMatchObject({ workloads: [], gone: [] });
  });

  it('is everything once the engine answers, where it did not at first', () => {
    const blind = reportAfter(null, aSight({ engine: null, engineTrouble: 'down' }))!;
    expect(blind.content).toMatchObject({ whole: true, engine: null });
    const still = reportAfter(blind.told, aSight({ engine: null, engineTrouble: 'still down' }))!;
    expect(still.content.whole).toBe(false);
    const seen = aSight({ workloads: [workload('a')] });
    const first = reportAfter(still.told, seen)!;
    expect(first.content).toMatchObject({ whole: true, workloads: [{ replicaId: 'a' }] });
    const silent = reportAfter(first.told, aSight({ engine: null, engineTrouble: 'down' }))!;
    expect(reportAfter(silent.told, seen)!.content.whole).toBe(false);
  });

  it('tells an account once on a connection, and all troubles whenever one of them changes', () => {
    const account = { id: '1', replicaId: 'a', at: '', agoMs: 1, words: 'Exited with code 1' };
    const trouble = { replicaId: 'a', version: 1, failure: 'timeout', message: 'no' } as const;
    const first = reportAfter(told(aSight()), aSight({ accounts: [account], troubles: [trouble] }))!;
    expect(first.content).toMatchObject({ accounts: [account], troubles: [trouble] });
    const second = reportAfter(first.told, aSight({ accounts: [{ ...account, agoMs: 2 }] }))!;
    expect(second.content).toMatchObject({ accounts: [], troubles: [] });
  });

  it('does not speak of a machine that is a little busier', () => {
    const before = told(aSight());
    expect(reportAfter(before, aSight({ engine: { ...ENGINE, cpuUsagePercent: 19, memoryUsagePercent: 45 } }))).toBeNull();
    expect(reportAfter(before, aSight({ engine: { ...ENGINE, cpuUsagePercent: 21 } }))).not.toBeNull();
    expect(reportAfter(before, aSight({ engine: { ...ENGINE, memoryMb: 2048 } }))).not.toBeNull();
  });
});
