import { DriverError } from '../runtime-driver';
import { Measurements } from './measurements';

describe('measurements of a cluster', () => {
  const never = new AbortController().signal;
  let nowMs = 0;
  let measurements: Measurements<number>;
  let measured: Measured[];
  interface Measured {
    resolve: (value: number) => void;
    reject: (error: Error) => void;
  }
  const measure = (): Promise<number> => new Promise((resolve, reject) => measured.push({ resolve, reject }));
  const ask = (signal = never): Promise<number> => measurements.of('a', measure, signal);

  beforeEach(() => {
    nowMs = 0;
    measured = [];
    measurements = new Measurements(() => nowMs);
  });

  const known = async (value: number): Promise<void> => {
    const asked = ask();
    measured[0]?.resolve(value);
    await expect(asked).resolves.toBe(value);
  };

  it('are made once for all who ask, and again after half a minute', async () => {
    const both = [ask(), ask()];
    measured[0]?.resolve(1);
    await expect(Promise.all(both)).resolves.toEqual([1, 1]);
    nowMs = 29_999;
    await expect(ask()).resolves.toBe(1);
    expect(measured).toHaveLength(1);
    nowMs = 30_000;
    const again = ask();
    measured[1]?.resolve(2);
    await expect(again).resolves.toBe(2);
  });

  it('that take long are made for the next who ask, who get the one of before meanwhile', async () => {
    await known(1);
    nowMs = 30_000;
    await expect(ask()).resolves.toBe(1);
    const waiting = ask();
    measured[1]?.resolve(2);
    await expect(waiting).resolves.toBe(2);
    expect(measured).toHaveLength(2);
  });

  it('are not given when they are old, and not waited for by those who have gone', async () => {
    await known(1);
    nowMs = 300_000;
    const abort = new AbortController();
    const asked = ask(abort.signal);
    abort.abort();
    await expect(asked).rejects.toMatchObject({ failure: 'aborted' });
    measured[1]?.resolve(2);
    await expect(ask()).resolves.toBe(2);
  });

  it('that fail in a way that passes do not undo the one of before, and others are told', async () => {
    await known(1);
    nowMs = 30_000;
    const busy = ask();
    measured[1]?.reject(new DriverError('unreachable', 'The cluster has too much to do'));
    await expect(busy).resolves.toBe(1);
    const refused = ask();
    measured[2]?.reject(new DriverError('unfit', 'The cluster refuses to list the machines'));
    await expect(refused).rejects.toMatchObject({ failure: 'unfit' });
  });

  it('that fail are told to those who wait, and made anew for the next', async () => {
    const asked = ask();
    measured[0]?.reject(new DriverError('unreachable', 'No'));
    await expect(asked).rejects.toMatchObject({ failure: 'unreachable' });
    const next = ask();
    measured[1]?.resolve(2);
    await expect(next).resolves.toBe(2);
  });
});
