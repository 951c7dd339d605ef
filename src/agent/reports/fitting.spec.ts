import { randomUUID } from 'node:crypto';
import { aSight, ENGINE } from '../../../test/support/a-sight';
import { messageOf } from '../../agents/message-shapes';
import { LARGEST_MESSAGE_BYTES, type ReportedWorkload, type ReportMessage } from '../../runtime/agent/link-messages';
import { fittingSight, withinMessage } from './fitting';
import type { Sight } from './sight';

const aWorkload = (over: Partial<ReportedWorkload> = {}): ReportedWorkload => ({
  replicaId: randomUUID(),
  deploymentId: randomUUID(),
  containerId: 'c',
  phase: 'exited',
  hasRun: true,
  startedAt: null,
  upSeconds: null,
  exitCode: 1,
  reason: null,
  publishedPorts: [],
  origin: null,
  version: 1,
  ...over,
});
/** As the control plane reads it, or its refusal. */
const read = (sight: Sight): ReportMessage => {
  const text = JSON.stringify(withinMessage({ type: 'report', number: 1, whole: true, clock: new Date().toISOString(), ...sight }));
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LARGEST_MESSAGE_BYTES);
  return messageOf(text) as ReportMessage;
};

describe('a report', () => {
  it('that is as it should be is sent as it is', () => {
    const sight = aSight({ workloads: [aWorkload()], gone: [{ replicaId: randomUUID(), version: 2 }] });
    expect(fittingSight(sight, () => true)).toEqual({ sight, leftOut: [] });
  });

  it('leaves out a container that somebody gave labels like ours, and tells of the rest', () => {
    const good = aWorkload();
    const { sight, leftOut } = fittingSight(aSight({ workloads: [aWorkload({ replicaId: 'by-hand' }), good] }), () => true);
    expect(read(sight).workloads).toEqual([good]);
    expect(leftOut).toEqual(['workloads/replicaId is not such a text']);
  });

  it('tells of a replica without what is odd about it, as one that is not told of is taken for gone', () => {
    const port = { containerPort: 80, protocol: 'tcp', hostIp: '10.0.0.5', hostPort: 32_768 } as const;
    const odd = aWorkload({
      upSeconds: 1e11,
      exitCode: 137,
      startedAt: '2026-01-31T10:00:00.000Z',
      publishedPorts: [port, { ...port, hostIp: 'fe80::1%eth0' }],
    });
    const { sight, leftOut } = fittingSight(aSight({ workloads: [odd] }), () => true);
    expect(read(sight).workloads).toEqual([{ ...odd, upSeconds: null, publishedPorts: [port] }]);
    expect(leftOut).toEqual(['workloads/upSeconds is not such a number']);
  });

  it('tells of all that are ordered, whatever else there is, and says that it leaves others out', () => {
    const ordered = Array.from({ length: 1_500 }, () => aWorkload());
    const others = Array.from({ length: 1_000 }, () => aWorkload());
    const ids = new Set(ordered.map(({ replicaId }) => replicaId));
    const fitting = (workloads: ReportedWorkload[]) => fittingSight(aSight({ workloads }), (replicaId) => ids.has(replicaId));
    const { sight, leftOut } = fitting([...others, ...ordered]);
    const sent = read(sight);
    const told = new Set(sent.workloads.map(({ replicaId }) => replicaId));
    expect([told.size, [...ids].filter((id) => !told.has(id))]).toEqual([2_000, []]);
    expect(sent.engine?.trouble).toMatch(/2500 containers .* takes 2000: 500 that no order is about are not told\. Remove/);
    expect(leftOut).toEqual(['containers that no order is about, as there are more than a report takes']);
    expect(new Set(fitting([...ordered, ...others.toReversed()]).sight.workloads.map(({ replicaId }) => replicaId))).toEqual(told);
  });

  it('says nothing of the containers when more are ordered than it takes, as a part of them would be taken for all', () => {
    const workloads = Array.from({ length: 2_001 }, () => aWorkload());
    const sent = read(fittingSight(aSight({ workloads, gone: [{ replicaId: randomUUID(), version: 1 }] }), () => true).sight);
    expect(sent).toMatchObject({ engine: null, workloads: [], gone: [] });
    expect(sent.engineTrouble).toMatch(/more containers .* than the 2000 .* takes: move/);
  });

  it('tells of no more than a list may have', () => {
    const gone = Array.from({ length: 2_500 }, () => ({ replicaId: randomUUID(), version: 1 }));
    expect(read(fittingSight(aSight({ gone }), () => true).sight).gone).toHaveLength(2_000);
  });

  it('has short words rather than too many bytes', () => {
    const workloads = Array.from({ length: 1_900 }, () => aWorkload({ reason: '\u{1F525}'.repeat(1_000) }));
    const report = read(fittingSight(aSight({ workloads }), () => true).sight);
    expect(report.workloads).toHaveLength(1_900);
    expect(report.workloads[0]?.reason).toMatch(/^\u{1F525}+$/u);
  });

  it('knows nothing of an engine that says of itself what nobody understands', () => {
    const { sight } = fittingSight(aSight({ engine: { ...ENGINE, memoryMb: -1 }, workloads: [aWorkload()] }), () => true);
    expect(read(sight)).toMatchObject({ engine: null, engineTrouble: expect.stringContaining('not understood') as string, workloads: [] });
  });
});
