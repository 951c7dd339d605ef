import type { KnownOrder } from './agent-state';
import type { OrderTrouble, ReportedWorkload } from './link-messages';
import { observedOf } from './observed';
import { endProgress, startProgress } from './order-progress';

const ID = 'r';
const order = (over: Partial<KnownOrder> = {}): KnownOrder => ({
  replicaId: ID,
  deploymentId: 'd',
  version: 5,
  will: 'run',
  fingerprint: 'f',
  graceSeconds: 10,
  acted: false,
  ended: false,
  ...over,
});
const workload = (version: number | null, phase: ReportedWorkload['phase'] = 'running'): ReportedWorkload => ({
  replicaId: ID,
  deploymentId: 'd',
  containerId: 'c',
  phase,
  hasRun: true,
  startedAt: null,
  upSeconds: null,
  exitCode: null,
  reason: null,
  publishedPorts: [],
  origin: null,
  version,
});
const state = (orders: KnownOrder[], workloads: ReportedWorkload[] = [], troubles: OrderTrouble[] = []) => ({
  orders,
  workloads,
  troubles,
});
const trouble = (version: number): OrderTrouble => ({ replicaId: ID, version, failure: 'image_unavailable', message: 'No image' });

describe('how far a start is', () => {
  it.each([
    ['not ordered', state([])],
    ['not ordered', state([order({ fingerprint: 'another' })])],
    ['not ordered', state([order({ will: 'absent' })])],
    ['not ordered', state([order({ ended: true })])],
    ['under way', state([order()])],
    ['under way', state([order()], [workload(4)])],
    ['under way', state([order()], [workload(null)])],
    ['under way', state([order()], [], [trouble(4)])],
    ['failed', state([order()], [], [trouble(5)])],
    ['done', state([order()], [workload(5)])],
    ['done', state([order()], [workload(5, 'exited')], [trouble(5)])],
  ])('is %s', (is, seen) => expect(startProgress(seen, 'f')).toMatchObject({ is }));
});

describe('how far an end is', () => {
  it.each([
    ['done', state([])],
    ['done', state([order({ ended: true })])],
    ['not ordered', state([], [workload(null)])],
    ['not ordered', state([order()])],
    ['not ordered', state([order({ will: 'suspend' })], [workload(5)])],
    ['not ordered', state([order({ will: 'absent', ended: true })], [workload(6)])],
    ['under way', state([order({ will: 'absent' })])],
    ['under way', state([order({ will: 'absent' })], [workload(5, 'exited')])],
    ['under way', state([order({ will: 'absent' })], [workload(5)], [trouble(4)])],
    ['failed', state([order({ will: 'absent' })], [workload(5)], [trouble(5)])],
    ['done', state([order({ will: 'absent', ended: true })], [], [trouble(5)])],
  ])('of a removal is %s', (is, seen) => expect(endProgress(seen, 'absent')).toMatchObject({ is }));

  it.each([
    ['done', state([])],
    ['not ordered', state([order()], [workload(5)])],
    ['under way', state([order({ will: 'suspend' })], [workload(4, 'exited')])],
    ['under way', state([order({ will: 'suspend' })], [workload(5)])],
    ['done', state([order({ will: 'suspend' })], [workload(5, 'exited')])],
    ['under way', state([order({ will: 'absent' })], [workload(4)])],
  ])('of a stop is %s', (is, seen) => expect(endProgress(seen, 'suspend')).toMatchObject({ is }));
});

describe('what a node has', () => {
  it('shows an order that may still make something as a workload that is starting', () => {
    const underWay = [order(), order({ will: 'absent' }), order({ will: 'absent', acted: true }), order({ will: 'suspend' })];
    for (const each of underWay) expect(observedOf(state([each]))).toMatchObject([{ replicaId: ID, phase: 'starting', hasRun: false }]);
  });

  it('shows nothing of one that is over, or whose workload has gone', () => {
    for (const each of [order({ ended: true }), order({ acted: true }), order({ will: 'absent', ended: true })])
      expect(observedOf(state([each]))).toEqual([]);
  });

  it('shows what was reported once, without the version of its order', () => {
    const [shown, ...more] = observedOf(state([order()], [workload(3)]));
    expect([shown, more]).toEqual([expect.not.objectContaining({ version: 3, origin: null }), []]);
  });
});
