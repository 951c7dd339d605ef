import type { RestartPolicy } from '../../engines/container-spec';
import type { Order } from '../../runtime/agent/link-messages';
import type { ObservedWorkload } from '../../runtime/runtime-driver';
import { Lives } from './lives';

const NOTHING = { attempts: {}, made: {}, knownEnds: {} };

const ordered = (restart: RestartPolicy, attempt?: number): ReadonlyMap<string, Order> => {
  const what = { image: 'i', command: null, env: {}, ports: [], healthCheck: null, labels: {}, generation: 1, restart };
  const resources = { cpuCores: 1, memoryMb: 1, gpuUnits: 0, storageGb: 0 };
  const spec = { ...what, replicaId: 'a', deploymentId: 'd', deploymentName: 'd', ownerId: 'o', resources };
  const order: Order = { replicaId: 'a', version: 1, will: 'run', spec, graceSeconds: 1, resumeRunAt: null, ociRuntime: null };
  return new Map([['a', attempt === undefined ? order : { ...order, attempt }]]);
};
const shown = (phase: ObservedWorkload['phase'], over: Partial<ObservedWorkload> = {}): ReadonlyMap<string, ObservedWorkload> => {
  const run = { hasRun: true, startedAt: new Date(0), upSeconds: null, exitCode: 1, reason: null, publishedPorts: [] };
  return new Map([['a', { replicaId: 'a', deploymentId: 'd', containerId: 'c', phase, ...run, ...over }]]);
};

/** A replica that was seen to run for so many seconds, and then dead. */
const died = (
  ranSeconds: number,
  { restart = 'always', attempt, ...over }: Partial<ObservedWorkload> & { restart?: RestartPolicy; attempt?: number } = {},
) => {
  const lives = new Lives();
  const orders = ordered(restart, attempt);
  lives.look(orders, shown('running'), { made: {}, nowMs: 0 });
  const dead = shown('exited', over);
  lives.look(orders, dead, { made: {}, nowMs: ranSeconds * 1000 });
  return { lives, dueAfterMs: (marks = NOTHING) => (lives.restartsDue(orders, dead, marks).get('a') ?? NaN) - ranSeconds * 1000 };
};

describe('a dead replica of a machine that is on its own', () => {
  it('is started again at once after ten minutes, else after pauses that grow', () => {
    expect(died(600).dueAfterMs()).toBe(0);
    expect(died(5).dueAfterMs()).toBe(10_000);
    expect(died(5).dueAfterMs({ ...NOTHING, attempts: { a: 3 } })).toBe(40_000);
    expect(died(600).dueAfterMs({ ...NOTHING, attempts: { a: 9 } })).toBe(0);
  });

  it.each([
    [0, 0],
    [1, 10_000],
    [2, 20_000],
    [9, 300_000],
  ])('after %i failures that the control plane has counted waits as that would have: %i ms', (attempt, pauseMs) => {
    expect(died(5, { attempt }).dueAfterMs()).toBe(pauseMs);
    expect(died(600, { attempt }).dueAfterMs()).toBe(0);
    // From then on the agent counts.
    expect(died(5, { attempt, restart: 'always' }).dueAfterMs({ ...NOTHING, attempts: { a: 3 } })).toBe(40_000);
  });

  it.each([
    ['always', 0, true],
    ['on_failure', 0, false],
    ['on_failure', 1, true],
    ['never', 1, false],
  ] as const)('with the policy %s and exit code %i: %s', (restart, exitCode, starts) => {
    expect(Number.isFinite(died(5, { restart, exitCode }).dueAfterMs())).toBe(starts);
  });

  it('is left to the control plane when that knows of its end, and only of this one', () => {
    const { lives, dueAfterMs } = died(5);
    const run = lives.endOf('a') ?? '';
    expect(dueAfterMs({ ...NOTHING, knownEnds: { a: run } })).toBeNaN();
    expect(dueAfterMs({ ...NOTHING, knownEnds: { a: `${run} before` } })).toBe(10_000);
  });

  it('is not dead any more once it runs', () => {
    const { lives } = died(5);
    lives.look(ordered('always'), shown('running', { startedAt: new Date(9_000) }), { made: {}, nowMs: 9_000 });
    expect(lives.endOf('a')).toBeNull();
  });

  it('is made anew when its container has vanished, but not before it was made', () => {
    const lives = new Lives();
    lives.look(ordered('always'), new Map(), { made: {}, nowMs: 0 });
    expect(lives.endOf('a')).toBeNull();
    lives.look(ordered('always'), new Map(), { made: { a: 1 }, nowMs: 0 });
    expect(lives.restartsDue(ordered('always'), new Map(), NOTHING).get('a')).toBe(10_000);
  });
});
