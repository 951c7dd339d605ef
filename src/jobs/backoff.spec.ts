import fc from 'fast-check';
import { backoffMs } from './backoff';

describe('backoffMs', () => {
  it.each([
    [0, 250, 500],
    [1, 500, 1_000],
    [2, 1_000, 2_000],
    [6, 16_000, 32_000],
    [7, 30_000, 60_000],
    [1_000, 30_000, 60_000],
  ])('after %i attempts waits from %i to %i ms', (attempts, least, most) => {
    expect([backoffMs(attempts, 0), backoffMs(attempts, 1)]).toEqual([least, most]);
  });

  it('is a whole number between a quarter of a second and a minute, and never shrinks with the attempts', () => {
    fc.assert(
      fc.property(fc.nat({ max: 100_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempts, random) => {
        const wait = backoffMs(attempts, random);
        expect(Number.isInteger(wait) && wait >= 250 && wait <= 60_000).toBe(true);
        expect(backoffMs(attempts + 1, random)).toBeGreaterThanOrEqual(wait);
      }),
    );
  });
});
