import { once } from 'node:events';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isTimeUp, resultWithin, within } from './within';

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;
const untilAborted = async (signal: AbortSignal): Promise<AbortSignal> => {
  if (!signal.aborted) await once(signal, 'abort');
  return signal;
};

describe('within', () => {
  it('fires after the time, also when garbage is collected meanwhile', async () => {
    const work = within(100, new AbortController().signal, untilAborted);
    for (let round = 0; round < 5; round += 1) {
      await sleep(1);
      collectGarbage();
    }
    expect(isTimeUp(await work)).toBe(true);
  });

  it.each([
    ['before', 0],
    ['while', 20],
  ])('fires at once when the work is called off %s it runs', async (_when, afterMs) => {
    const stop = new AbortController();
    if (afterMs === 0) stop.abort(new Error('shutdown'));
    else setTimeout(() => stop.abort(new Error('shutdown')), afterMs);
    const signal = await within(60_000, stop.signal, untilAborted);
    expect([isTimeUp(signal), (signal.reason as Error).message]).toEqual([false, 'shutdown']);
  });

  it('gives the result and the error of the work, and leaves no timer behind', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    await expect(within(60_000, new AbortController().signal, () => Promise.resolve(7))).resolves.toBe(7);
    await expect(within(60_000, new AbortController().signal, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(timers()).toBe(before);
  });
});

describe('resultWithin', () => {
  it('gives the result when it comes in time, and the fallback when it does not', async () => {
    expect(await resultWithin(1_000, Promise.resolve('result'), null)).toBe('result');
    expect(await resultWithin(10, sleep(60_000, 'late', { ref: false }), null)).toBeNull();
  });

  it('fails as the promise does in time, and hears nothing of a failure afterwards', async () => {
    await expect(resultWithin(1_000, Promise.reject(new Error('broken')), null)).rejects.toThrow('broken');
    const late = new AbortController();
    const failing = untilAborted(late.signal).then(() => Promise.reject(new Error('too late to matter')));
    expect(await resultWithin(5, failing, null)).toBeNull();
    late.abort();
    await turn(); // by now Node has reported every unhandled rejection
  });
});
