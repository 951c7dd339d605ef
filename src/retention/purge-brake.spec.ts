import { allowedNow } from './purge-brake';

describe('allowedNow', () => {
  it('is what the hour has left, and never less than nothing', () => {
    expect(allowedNow(1_000, 0)).toBe(1_000);
    expect(allowedNow(1_000, 999)).toBe(1);
    expect(allowedNow(1_000, 1_000)).toBe(0);
    expect(allowedNow(1_000, 5_000)).toBe(0);
  });

  it('has no bound with 0', () => {
    expect(allowedNow(0, 1_000_000)).toBe(Infinity);
  });
});
