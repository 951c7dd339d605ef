import fc from 'fast-check';
import type { Order, OrderWill } from '../../runtime/agent/link-messages';
import type { ObservedWorkload } from '../../runtime/runtime-driver';
import { plan, type Situation } from './plan';

const RUN_AT = new Date('2026-01-01T00:00:00Z');

const order = (replicaId: string, over: { version?: number; will?: OrderWill; generation?: number; resumeRunAt?: string } = {}): Order => {
  const { version = 1, will = 'run', generation = 1, resumeRunAt = null } = over;
  const what = { image: 'i', command: null, env: {}, ports: [], healthCheck: null, labels: {} };
  const resources = { cpuCores: 1, memoryMb: 1, gpuUnits: 0, storageGb: 0 };
  const spec = { ...what, replicaId, deploymentId: 'd', deploymentName: 'd', ownerId: 'o', generation, resources };
  return { replicaId, version, will, spec: will === 'absent' ? null : spec, graceSeconds: 10, resumeRunAt, ociRuntime: null };
};

const workload = (replicaId: string, over: Partial<ObservedWorkload> & { generation?: number } = {}): ObservedWorkload => {
  const { generation = 1, ...rest } = over;
  const origin = { name: replicaId, image: 'i', createdAt: RUN_AT, generation, specDigest: null, imageDigest: null };
  const run = { hasRun: true, startedAt: RUN_AT, upSeconds: null, exitCode: null, reason: null, publishedPorts: [] };
  return { replicaId, deploymentId: 'd', containerId: `c-${replicaId}`, phase: 'running', ...run, origin, ...rest };
};

interface Parts extends Partial<Omit<Situation, 'orders' | 'workloads'>> {
  readonly orders?: readonly Order[];
  readonly workloads?: readonly ObservedWorkload[];
}

const situation = ({ orders = [], workloads = [], ...rest }: Parts): Situation => ({
  orders: new Map(orders.map((one) => [one.replicaId, one])),
  workloads: new Map(workloads.map((one) => [one.replicaId, one])),
  underWay: new Map(),
  failed: new Map(),
  confirmedGone: new Map(),
  made: {},
  restartDueMs: new Map(),
  isRefused: false,
  isBehind: false,
  nowMs: 1_000,
  ...rest,
});

const asked = (parts: Parts): string[] => plan(situation(parts)).begin.map(({ kind, order: { replicaId } }) => `${kind} ${replicaId}`);

describe('the plan of an agent', () => {
  it('starts what is to run and is not there, once', () => {
    expect(asked({ orders: [order('a')] })).toEqual(['ensure a']);
    expect(asked({ orders: [order('a')], workloads: [workload('a')] })).toEqual([]);
    expect(plan(situation({ orders: [order('a', { version: 7 })], workloads: [workload('a')] })).settled).toEqual(new Map([['a', 7]]));
  });

  it('leaves a container alone for which there is no order', () => {
    expect(asked({ workloads: [workload('a')] })).toEqual([]);
  });

  it('leaves one that vanished to the control plane, and makes it anew for a newer order', () => {
    expect(asked({ orders: [order('a')], made: { a: 1 } })).toEqual([]);
    expect(asked({ orders: [order('a', { version: 2 })], made: { a: 1 } })).toEqual(['ensure a']);
  });

  it('starts a dead one again only when that is due', () => {
    const dead = { orders: [order('a')], workloads: [workload('a', { phase: 'exited', exitCode: 1, reason: 'Exited with code 1' })] };
    expect(asked(dead)).toEqual([]);
    expect(plan(situation({ ...dead, restartDueMs: new Map([['a', 5_000]]) })).nextMs).toBe(5_000);
    const due = plan(situation({ ...dead, restartDueMs: new Map([['a', 900]]) })).begin;
    expect(due).toMatchObject([{ kind: 'restart', resumeRunAt: RUN_AT, words: 'Exited with code 1' }]);
  });

  it('starts nothing on a machine that was refused, and still ends what is to go', () => {
    const dead = workload('dead', { phase: 'exited', exitCode: 1 });
    const orders = [order('new'), order('dead'), order('old', { will: 'absent' }), order('busy')];
    const underWay = new Map([['busy', { kind: 'ensure', order: order('busy'), resumeRunAt: null, words: null } as const]]);
    const now = situation({ orders, workloads: [dead], underWay, restartDueMs: new Map([['dead', 0]]), isRefused: true });
    expect(plan(now)).toMatchObject({ begin: [{ kind: 'remove', order: { replicaId: 'old' } }], abort: ['busy'] });
  });

  it('goes on with a suspended run, and with no other', () => {
    const suspended = workload('a', { phase: 'exited', exitCode: 0 });
    expect(asked({ orders: [order('a', { resumeRunAt: RUN_AT.toISOString() })], workloads: [suspended] })).toEqual(['ensure a']);
    const other = '2026-01-01T00:00:01.000Z';
    expect(asked({ orders: [order('a', { resumeRunAt: other })], workloads: [suspended] })).toEqual([]);
  });

  it('confirms that one is gone, even when it is not to be seen', () => {
    const gone = { orders: [order('a', { will: 'absent', version: 3 })] };
    expect(asked(gone)).toEqual(['remove a']);
    expect(asked({ ...gone, confirmedGone: new Map([['a', 3]]) })).toEqual([]);
    expect(asked({ ...gone, confirmedGone: new Map([['a', 3]]), workloads: [workload('a')] })).toEqual(['remove a']);
  });

  it('has the older generation go before the next one of a deployment starts', () => {
    const [old, next, other] = [order('old', { will: 'absent' }), order('next', { generation: 2 }), order('other', { generation: 2 })];
    const there = { workloads: [workload('old')] };
    expect(asked({ orders: [next, old], ...there })).toEqual(['remove old']);
    const elsewhere = { ...other, spec: other.spec && { ...other.spec, deploymentId: 'e' } };
    expect(asked({ orders: [next, old, elsewhere], ...there })).toEqual(['remove old', 'ensure other']);
    expect(asked({ orders: [next, old], confirmedGone: new Map([['old', 1]]) })).toEqual(['ensure next']);
  });

  it('starts nothing new while there are orders that have not come, heals what it has made, and ends what is to go', () => {
    const dead = workload('dead', { phase: 'exited', exitCode: 1 });
    const orders = [order('new'), order('dead'), order('old', { will: 'absent' })];
    const now = { orders, workloads: [dead, workload('old')], restartDueMs: new Map([['dead', 0]]) };
    expect(asked({ ...now, isBehind: true })).toEqual(['remove old', 'restart dead']);
    expect(asked(now)).toEqual(['remove old', 'ensure new', 'restart dead']);
  });

  it('does nothing for a replica whose order it does not understand, and ends what it was doing for it', () => {
    const strange = order('a', { version: 2, will: 'hibernate' as OrderWill });
    const act = { kind: 'ensure', order: order('a'), resumeRunAt: null, words: null } as const;
    expect(plan(situation({ orders: [strange], underWay: new Map([['a', act]]) }))).toMatchObject({ begin: [], abort: ['a'] });
    const alone = plan(situation({ orders: [strange, order('b', { generation: 2 })], workloads: [workload('a')] }));
    expect(alone).toMatchObject({ begin: [{ kind: 'ensure', order: { replicaId: 'b' } }], settled: new Map() });
  });

  it('starts nothing while more is to go than goes at a time', () => {
    const gone = Array.from({ length: 20 }, (_unused, index) => order(`old-${index}`, { will: 'absent' }));
    const there = gone.map(({ replicaId }) => workload(replicaId));
    expect(asked({ orders: [order('new'), ...gone], workloads: there })).toEqual(
      gone.slice(0, 16).map(({ replicaId }) => `remove ${replicaId}`),
    );
    expect(asked({ orders: [order('new'), ...gone.slice(0, 16)], workloads: there }).at(-1)).toBe('ensure new');
  });

  it('ends an act for an older order, but not when the newer one wants the same', () => {
    const act = { kind: 'ensure', order: order('a'), resumeRunAt: null, words: null } as const;
    const underWay = new Map([['a', act]]);
    expect(plan(situation({ orders: [order('a', { version: 2 })], underWay })).abort).toEqual([]);
    const changed = plan(situation({ orders: [order('a', { version: 2, will: 'absent' })], underWay }));
    expect(changed).toMatchObject({ abort: ['a'], begin: [] });
  });

  it('waits after a failure, gives up what is refused for good, and tries at once what is ordered anew', () => {
    const orders = [order('a')];
    expect(plan(situation({ orders, failed: new Map([['a', { version: 1, dueMs: 4_000 }]]) }))).toMatchObject({ begin: [], nextMs: 4_000 });
    expect(asked({ orders, failed: new Map([['a', { version: 1, dueMs: null }]]) })).toEqual([]);
    expect(asked({ orders: [order('a', { version: 2 })], failed: new Map([['a', { version: 1, dueMs: null }]]) })).toEqual(['ensure a']);
  });

  const arbitrary = fc.record({
    orders: fc.uniqueArray(
      fc
        .tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.nat(5), fc.constantFrom<OrderWill>('run', 'suspend', 'absent'), fc.nat(3))
        .map(([id, version, will, generation]) => order(id, { version, will, generation })),
      { selector: ({ replicaId }) => replicaId },
    ),
    workloads: fc.uniqueArray(
      fc
        .tuple(
          fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
          fc.constantFrom('starting', 'running', 'paused', 'unhealthy', 'exited'),
          fc.nat(3),
        )
        .map(([id, phase, generation]) => workload(id, { phase, generation })),
      { selector: ({ replicaId }) => replicaId },
    ),
    alone: fc.boolean(),
  });

  it('whatever there is: acts by the newest order only, once for each replica, and never starts a generation beside an older one on its way out', () => {
    fc.assert(
      fc.property(arbitrary, ({ orders, workloads, alone }) => {
        const restartDueMs = new Map(alone ? orders.map(({ replicaId }) => [replicaId, 0] as const) : []);
        const now = situation({ orders, workloads, restartDueMs });
        const { begin, settled } = plan(now);
        expect(new Set(begin.map((act) => act.order.replicaId)).size).toBe(begin.length);
        for (const act of begin) {
          expect(now.orders.get(act.order.replicaId)).toBe(act.order);
          expect(settled.has(act.order.replicaId)).toBe(false);
          expect({ run: ['ensure', 'restart'], suspend: ['suspend'], absent: ['remove'] }[act.order.will]).toContain(act.kind);
          if (act.order.will !== 'run') continue;
          const older = workloads.filter(({ replicaId, phase, origin }) => {
            const leaving = now.orders.get(replicaId)?.will === 'absent' && phase !== 'exited';
            return leaving && (origin?.generation ?? 0) < (act.order.spec?.generation ?? 0);
          });
          expect(older).toEqual([]);
        }
      }),
    );
  });

  it('however many orders come in however many messages: nothing starts before all that is to go has begun to', () => {
    const many = fc.record({
      wills: fc.array(fc.constantFrom<OrderWill>('run', 'suspend', 'absent'), { minLength: 31, maxLength: 90 }),
      come: fc.nat(90),
    });
    fc.assert(
      fc.property(many, ({ wills, come }) => {
        const all = wills.map((will, index) => order(`r${index}`, { will, version: index + 1 }));
        const there = new Map(all.filter(({ will }) => will !== 'run').map(({ replicaId }) => [replicaId, workload(replicaId)]));
        const confirmedGone = new Map<string, number>();
        const begun = new Set<string>();
        const ending = all.filter(({ will }) => will !== 'run').map(({ replicaId }) => replicaId);
        for (let round = 0; round < 24; round++) {
          const orders = round === 0 ? all.slice(0, come) : all;
          const isBehind = orders.length < all.length;
          const { begin } = plan(situation({ orders, workloads: [...there.values()], confirmedGone, isBehind }));
          for (const act of begin.filter(({ kind }) => kind !== 'ensure')) begun.add(act.order.replicaId);
          if (begin.some(({ kind }) => kind === 'ensure')) expect(ending.filter((replicaId) => !begun.has(replicaId))).toEqual([]);
          for (const { kind, order: of } of begin) {
            if (kind === 'remove' && there.delete(of.replicaId)) confirmedGone.set(of.replicaId, of.version);
            else there.set(of.replicaId, workload(of.replicaId, { phase: kind === 'suspend' ? 'exited' : 'running' }));
          }
        }
        expect([...there.values()].filter(({ phase }) => phase === 'running')).toHaveLength(wills.filter((will) => will === 'run').length);
      }),
    );
  });

  it('comes to an end: an engine that does what it is asked settles every order', () => {
    fc.assert(
      fc.property(arbitrary, ({ orders, workloads }) => {
        const there = new Map(workloads.map((one) => [one.replicaId, one]));
        const confirmedGone = new Map<string, number>();
        for (let round = 0; round < 10; round++) {
          const { begin } = plan(situation({ orders, workloads: [...there.values()], confirmedGone }));
          for (const {
            kind,
            order: { replicaId, version, spec },
          } of begin) {
            if (kind === 'remove') confirmedGone.set(replicaId, there.delete(replicaId) ? version : version);
            else if (kind === 'suspend') there.set(replicaId, workload(replicaId, { phase: 'exited' }));
            else there.set(replicaId, workload(replicaId, spec === null ? {} : { generation: spec.generation }));
          }
        }
        const last = plan(situation({ orders, workloads: [...there.values()], confirmedGone }));
        expect(last.begin).toEqual([]);
        expect(last.settled.size).toBe(orders.length);
      }),
    );
  });
});
