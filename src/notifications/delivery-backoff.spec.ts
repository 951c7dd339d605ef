import { GIVE_UP_HOURS, pauseMs, retryDelayMs } from './delivery-backoff';

describe('retryDelayMs', () => {
  it.each([
    [1, 4_000, 6_000],
    [2, 24_000, 36_000],
    [3, 96_000, 144_000],
    [8, 34_560_000, 51_840_000],
    [1_000, 34_560_000, 51_840_000],
  ])('after %i failed attempts waits from %i to %i ms', (attempts, least, most) => {
    expect([retryDelayMs(attempts, 0), retryDelayMs(attempts, 1)]).toEqual([least, most]);
  });

  it('gives a delivery at least ten attempts before it is given up', () => {
    let [elapsed, attempts] = [0, 1];
    while (elapsed <= GIVE_UP_HOURS * 3_600_000) elapsed += retryDelayMs(attempts++, 1);
    expect(attempts).toBeGreaterThanOrEqual(10);
  });
});

describe('pauseMs', () => {
  it('doubles from a second to a minute', () => {
    expect([1, 2, 3, 7, 8, 5_000].map(pauseMs)).toEqual([1_000, 2_000, 4_000, 60_000, 60_000, 60_000]);
  });
});
