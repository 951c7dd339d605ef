import fc from 'fast-check';
import { brakeWords, type BrakeReading } from './brake';

const POLICY = { sharePercent: 20, alwaysAllowed: 10 };
const amount = fc.integer({ min: 0, max: 100_000 });
const reading: fc.Arbitrary<BrakeReading> = fc.record({ live: amount, deletedLately: amount, wanted: amount });

describe('the brake of bulk deletion', () => {
  it('lets a share pass and stops the first deployment beyond it', () => {
    expect(brakeWords({ live: 100, deletedLately: 0, wanted: 20 }, POLICY)).toBeNull();
    expect(brakeWords({ live: 100, deletedLately: 0, wanted: 21 }, POLICY)).toBe(
      '21 of 100 live deployments are more than bulk deletion may delete in an hour (20). An administrator has to confirm it.',
    );
  });

  it('counts what was deleted within the hour, so that many small operations are one large one', () => {
    expect(brakeWords({ live: 85, deletedLately: 15, wanted: 5 }, POLICY)).toBeNull();
    expect(brakeWords({ live: 85, deletedLately: 15, wanted: 6 }, POLICY)).toContain('after 15 within the last hour');
  });

  it('always lets a few pass, since a share of a small fleet says little', () => {
    expect(brakeWords({ live: 10, deletedLately: 0, wanted: 10 }, POLICY)).toBeNull();
    expect(brakeWords({ live: 11, deletedLately: 0, wanted: 11 }, POLICY)).not.toBeNull();
  });

  it('never stops at 100 percent', () => {
    fc.assert(fc.property(reading, (any) => brakeWords(any, { sharePercent: 100, alwaysAllowed: 1 }) === null));
  });

  it('never lets more pass than the share or the few, however it is cut into operations', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2_000 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 30 }),
        (fleet, operations) => {
          let deletedLately = 0;
          for (const wanted of operations) {
            const live = fleet - deletedLately;
            if (wanted <= live && brakeWords({ live, deletedLately, wanted }, POLICY) === null) deletedLately += wanted;
          }
          expect(deletedLately).toBeLessThanOrEqual(Math.max(POLICY.alwaysAllowed, Math.floor((fleet * POLICY.sharePercent) / 100)));
        },
      ),
    );
  });
});
