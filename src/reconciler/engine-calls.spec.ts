import { Logger } from '@nestjs/common';
import { setImmediate as turn } from 'node:timers/promises';
import { until } from '../../test/support/until';
import { DriverError, type DriverFailure } from '../runtime/runtime-driver';
import { EngineCalls } from './engine-calls';

/** An engine call that ends when the test says so, and that notes when it began and whether it was aborted. */
class ControlledCall {
  began = false;
  signal: AbortSignal | undefined;
  private settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;

  readonly work = (signal: AbortSignal): Promise<void> => {
    this.began = true;
    this.signal = signal;
    return new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  };

  async end(error?: unknown): Promise<void> {
    if (error === undefined) this.settle?.resolve();
    else this.settle?.reject(error);
    for (let ticks = 0; ticks < 3; ticks++) await turn();
  }
}

const driverError = (failure: DriverFailure, words: string = failure): DriverError => new DriverError(failure, words);

describe('EngineCalls', () => {
  let stop: AbortController;
  let calls: EngineCalls;
  let nowMs: number;
  const begin = async (kind: 'start' | 'suspend' | 'remove', replicaId: string): Promise<ControlledCall> => {
    const call = new ControlledCall();
    calls.begin(kind, replicaId, call.work);
    await turn();
    return call;
  };

  beforeEach(() => {
    stop = new AbortController();
    nowMs = 0;
    calls = new EngineCalls(stop.signal, () => nowMs);
  });

  it('is busy with a call until it has ended', async () => {
    const start = await begin('start', 'a');
    expect([calls.running, calls.isBusy('start', 'a'), calls.isBusy('remove', 'a'), calls.isBusy('start', 'b')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    await start.end();
    expect([calls.running, calls.isBusy('start', 'a')]).toEqual([false, false]);
  });

  it('lets the calls of different replicas run side by side', async () => {
    const [slow, quick] = [await begin('start', 'slow'), await begin('start', 'quick')];
    await quick.end();
    expect([slow.began, calls.isBusy('start', 'slow'), calls.isBusy('start', 'quick')]).toEqual([true, true, false]);
  });

  it('begins a remove only when the aborted start of the same replica has ended', async () => {
    const start = await begin('start', 'a');
    const remove = await begin('remove', 'a');
    expect([start.signal?.aborted, remove.began, calls.isBusy('remove', 'a')]).toEqual([true, false, true]);
    await start.end(driverError('aborted'));
    expect([remove.began, remove.signal?.aborted, calls.isBusy('remove', 'a')]).toEqual([true, false, true]);
    await remove.end();
    expect([calls.running, calls.problems, calls.takeStartFailures().size]).toEqual([false, [], 0]);
  });

  it('begins the remove too when the start could not be called off and succeeded or failed', async () => {
    const [done, failed] = [await begin('start', 'done'), await begin('start', 'failed')];
    const removals = [await begin('remove', 'done'), await begin('remove', 'failed')];
    await done.end();
    await failed.end(driverError('rejected'));
    expect(removals.map((removal) => removal.began)).toEqual([true, true]);
  });

  it('does not make a call that failed for now again before its back-off is over, and says why', async () => {
    const remove = await begin('remove', 'a');
    await remove.end(driverError('unreachable', 'The engine does not answer'));
    expect([calls.running, calls.isBusy('remove', 'a'), calls.isBusy('start', 'a'), calls.isBusy('remove', 'b')]).toEqual([
      false,
      true,
      false,
      false,
    ]);
    expect(calls.problems).toEqual(['The engine does not answer']);
  });

  it('makes it again in a run that lasts: a failed stop had waited for the end of the pull of another replica', async () => {
    await begin('start', 'slow');
    await (await begin('remove', 'a')).end(driverError('timeout', 'It took too long'));
    nowMs += calls.retryMs;
    expect(calls.isBusy('remove', 'a')).toBe(false);
    await (await begin('remove', 'a')).end();
    expect(calls.problems).toEqual([]);
  });

  it('waits longer after each failure', async () => {
    const waits: number[] = [];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await (await begin('remove', 'a')).end(driverError('timeout'));
      waits.push(calls.retryMs);
      nowMs += calls.retryMs;
    }
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(waits.at(-1)).toBeGreaterThan(4 * waits[0]!);
  });

  it('knows for how long nothing has begun or ended', async () => {
    const start = await begin('start', 'a');
    nowMs = 700;
    expect(calls.quietMs).toBe(700);
    await start.end();
    expect(calls.quietMs).toBe(0);
  });

  it('says which replicas an engine did not stop, and keeps the starts out of that', async () => {
    await (await begin('suspend', 'a')).end(driverError('timeout', 'It took too long'));
    await (await begin('remove', 'b')).end(driverError('unreachable', 'No answer'));
    await (await begin('start', 'c')).end(driverError('unreachable', 'No answer'));
    await (await begin('remove', 'd')).end(driverError('aborted'));
    expect(calls.takeStopFailures([])).toEqual([
      { replicaId: 'a', words: 'It took too long' },
      { replicaId: 'b', words: 'No answer' },
    ]);
    expect(calls.takeStopFailures([])).toEqual([]);
  });

  it('counts a replica that cannot even be asked to stop as failed whenever it would be time to ask', () => {
    const unstoppable = [{ replicaId: 'a', words: 'The node is silent' }];
    const taken = [calls.takeStopFailures(unstoppable), calls.takeStopFailures(unstoppable)];
    nowMs += calls.retryMs;
    expect([...taken, calls.takeStopFailures(unstoppable)]).toEqual([unstoppable, [], unstoppable]);
  });

  it('begins to remove what it was about to suspend when the suspension has been called off', async () => {
    const suspend = await begin('suspend', 'a');
    const remove = await begin('remove', 'a');
    expect([suspend.signal?.aborted, remove.began]).toEqual([true, false]);
    await suspend.end(driverError('aborted'));
    expect([remove.began, calls.problems]).toEqual([true, []]);
    await remove.end();
  });

  it('says each problem once', async () => {
    for (const id of ['a', 'b']) await (await begin('remove', id)).end(driverError('unreachable', 'The engine does not answer'));
    expect(calls.problems).toEqual(['The engine does not answer']);
  });

  it.each([
    ['rejected', false],
    ['image_unavailable', true],
    ['timeout', true],
  ] as const)('gives a start that failed as %s to the plan, once', async (failure, retryable) => {
    await (await begin('start', 'a')).end(driverError(failure, 'No'));
    expect(calls.isBusy('start', 'a')).toBe(false);
    expect([...calls.takeStartFailures()]).toEqual([['a', { words: 'No', retryable, passing: failure === 'timeout' }]]);
    expect(calls.takeStartFailures().size).toBe(0);
    expect(calls.problems).toEqual([]);
  });

  it('blames an engine that does not answer and not the replica', async () => {
    await (await begin('start', 'a')).end(driverError('unreachable'));
    expect([calls.takeStartFailures().size, calls.isBusy('start', 'a')]).toEqual([0, true]);
  });

  it('takes failures back that could not be written down, and keeps newer ones', async () => {
    await (await begin('start', 'a')).end(driverError('rejected', 'old'));
    await (await begin('start', 'b')).end(driverError('rejected', 'old'));
    const taken = calls.takeStartFailures();
    await (await begin('start', 'b')).end(driverError('timeout', 'new'));
    calls.restoreStartFailures(taken);
    expect([...calls.takeStartFailures()].map(([id, { words }]) => `${id} ${words}`)).toEqual(['a old', 'b new']);
  });

  it('does not show what an unknown error says, but logs it', async () => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    await (await begin('start', 'a')).end(new TypeError('secret of /etc'));
    expect(calls.problems).toEqual(['start failed; the log of the worker says why']);
    expect(String(logged.mock.calls)).toContain('secret of /etc');
    logged.mockRestore();
    expect(calls.isBusy('start', 'a')).toBe(true);
  });

  it('minds a call that throws before it begins', async () => {
    calls.begin('start', 'a', () => {
      throw driverError('rejected', 'No such port');
    });
    await calls.close();
    expect(calls.takeStartFailures().get('a')).toEqual({ words: 'No such port', retryable: false, passing: false });
  });

  it('aborts the starts of replicas that are no longer wanted, and nothing else', async () => {
    const [wanted, unwanted, removal] = [
      await begin('start', 'wanted'),
      await begin('start', 'unwanted'),
      await begin('remove', 'removal'),
    ];
    void calls.keepStarts((id) => id === 'wanted');
    expect([wanted, unwanted, removal].map((call) => call.signal?.aborted)).toEqual([false, true, false]);
  });

  it.each([
    ['an unwanted start', false],
    ['an unwanted start that a remove waits for', true],
  ])('says that only wanted starts are left when %s has ended', async (_name, removed) => {
    const start = await begin('start', 'a');
    if (removed) await begin('remove', 'a');
    let told = false;
    void calls.keepStarts(() => false).then(() => (told = true));
    await turn();
    expect(told).toBe(false);
    await start.end(driverError('aborted'));
    expect(told).toBe(true);
  });

  it('does not wait for the starts that are wanted', async () => {
    await begin('start', 'a');
    await expect(calls.keepStarts(() => true)).resolves.toBeUndefined();
  });

  it('tells when the next call has ended, well or badly, or some milliseconds later when others run', async () => {
    const [first, second] = [await begin('start', 'a'), await begin('remove', 'b')];
    let told = 0;
    void calls.next().then(() => (told += 1));
    await turn();
    expect(told).toBe(0);
    nowMs = 600_000; // after a long time it gathers for the longest time, a second, so that a slow machine is not later than that
    await second.end(driverError('timeout'));
    expect(told).toBe(0);
    await until(() => told > 0, { everyMs: 1 });
    expect(told).toBe(1);
    void calls.next().then(() => (told += 1));
    await first.end();
    expect(told).toBe(2);
  });

  it('waits for others no longer than suits the call that has ended, however long calls have followed each other', async () => {
    const before = await begin('start', 'a');
    nowMs = 600_000;
    const after = await begin('start', 'b');
    await begin('remove', 'c');
    nowMs = 600_100;
    const begun = performance.now();
    const told = calls.next();
    await after.end();
    await told;
    expect(performance.now() - begun).toBeLessThan(500);
    await before.end();
  });

  it.each<[string, 'remove' | 'suspend', Error | undefined, boolean]>([
    ['a removal that has ended well', 'remove', undefined, true],
    ['a removal that has failed', 'remove', driverError('timeout'), false],
    ['what was only suspended', 'suspend', undefined, false],
  ])('takes %s for proof that the replica is gone, or not (%s)', async (_what, kind, error, proven) => {
    const call = await begin(kind, 'a');
    expect(calls.hasRemoved('a')).toBe(false);
    await call.end(error);
    expect([calls.hasRemoved('a'), calls.hasRemoved('b')]).toEqual([proven, false]);
    await begin('start', 'a');
    expect(calls.hasRemoved('a')).toBe(false);
  });

  it('aborts everything when the worker stops', async () => {
    const start = await begin('start', 'a');
    stop.abort();
    expect(start.signal?.aborted).toBe(true);
  });

  it('aborts all calls on close, and waits for them, also for one that has not begun', async () => {
    const [start, other] = [await begin('start', 'a'), await begin('remove', 'b')];
    const queued = await begin('remove', 'a');
    let closed = false;
    const closing = calls.close().then(() => (closed = true));
    await turn();
    expect([start.signal?.aborted, other.signal?.aborted, closed]).toEqual([true, true, false]);
    await start.end(driverError('aborted'));
    await other.end(driverError('aborted'));
    expect([queued.signal?.aborted, closed]).toEqual([true, false]);
    await queued.end(driverError('aborted'));
    await closing;
    expect([calls.running, calls.problems]).toEqual([false, []]);
  });

  it('closes at once when nothing runs', async () => {
    await expect(calls.close()).resolves.toBeUndefined();
  });
});
