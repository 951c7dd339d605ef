import fc from 'fast-check';
import { brakePolicies, brakeWords, type BrakeReading } from './brake';

const OWNER = { sharePercent: 20, alwaysAllowed: 10 };
const POLICIES = { owner: OWNER, fleet: { sharePercent: 50, alwaysAllowed: 100 } };
const QUIET_FLEET = { live: 1_000_000, deletedLately: 0, wanted: 1 };
const amount = fc.integer({ min: 0, max: 100_000 });
const reading: fc.Arbitrary<BrakeReading> = fc.record({ live: amount, deletedLately: amount, wanted: amount });
const words = (owner: BrakeReading): string | null => brakeWords({ owners: [owner], fleet: QUIET_FLEET }, POLICIES)?.forUser ?? null;

describe('the brake of an owner', () => {
  it('lets a share pass and stops the first deployment beyond it', () => {
    expect(words({ live: 100, deletedLately: 0, wanted: 20 })).toBeNull();
    expect(words({ live: 100, deletedLately: 0, wanted: 21 })).toBe(
      '21 of 100 live deployments are more than bulk deletion may delete in an hour (20). An administrator has to confirm it.',
    );
  });

  it('counts what was deleted within the hour, so that many small operations are one large one', () => {
    expect(words({ live: 85, deletedLately: 15, wanted: 5 })).toBeNull();
    expect(words({ live: 85, deletedLately: 15, wanted: 6 })).toContain('after 15 within the last hour');
  });

  it('always lets a few pass, since a share of few says little', () => {
    expect(words({ live: 10, deletedLately: 0, wanted: 10 })).toBeNull();
    expect(words({ live: 11, deletedLately: 0, wanted: 11 })).not.toBeNull();
  });

  it('stops an operation of an administrator for any one owner', () => {
    const owners = [
      { live: 100, deletedLately: 0, wanted: 1 },
      { live: 100, deletedLately: 0, wanted: 21 },
    ];
    expect(brakeWords({ owners, fleet: QUIET_FLEET }, POLICIES)?.forAdministrators).toContain('21 of 100 live deployments of one owner');
  });

  it('never stops at 100 percent, and never who wants nothing', () => {
    const never = { sharePercent: 100, alwaysAllowed: 1 };
    fc.assert(fc.property(reading, (any) => brakeWords({ owners: [any], fleet: any }, { owner: never, fleet: never }) === null));
    fc.assert(fc.property(reading, (any) => words({ ...any, wanted: 0 }) === null));
  });

  it('never lets more pass than the share or the few, however it is cut into operations', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000 }), fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 30 }), (all, operations) => {
        let deletedLately = 0;
        for (const wanted of operations) {
          const live = all - deletedLately;
          if (wanted <= live && words({ live, deletedLately, wanted }) === null) deletedLately += wanted;
        }
        expect(deletedLately).toBeLessThanOrEqual(Math.max(OWNER.alwaysAllowed, Math.floor((all * OWNER.sharePercent) / 100)));
      }),
    );
  });
});

describe('the brake of the fleet', () => {
  const fleet = { live: 431, deletedLately: 290, wanted: 99 };

  it('shows its numbers to administrators only', () => {
    const said = brakeWords({ owners: [{ live: 9, deletedLately: 0, wanted: 9 }], fleet }, POLICIES);
    expect(said?.forAdministrators).toContain('99 of 431 live deployments of all owners after 290 within the last hour');
    expect(said?.forUser).toBe(
      'So much is being deleted in bulk on this installation that nothing more may be for now. An administrator has to confirm it.',
    );
  });

  it('is never narrower than that of an owner', () => {
    const narrow = { BULK_DELETE_FLEET_MAX_SHARE_PERCENT: 50, BULK_DELETE_FLEET_ALWAYS_ALLOWED: 5 };
    const { fleet: policy } = brakePolicies({ BULK_DELETE_MAX_SHARE_PERCENT: 100, BULK_DELETE_ALWAYS_ALLOWED: 10, ...narrow });
    expect(policy).toEqual({ sharePercent: 100, alwaysAllowed: 10 });
  });

  it('cannot be used up by one owner who stays within the own brake', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 100_000 }), fc.integer({ min: 1, max: 100_000 }), (own, others) => {
        const deletedLately = Math.max(OWNER.alwaysAllowed, Math.floor((own * OWNER.sharePercent) / 100));
        const after = { live: own + others - deletedLately, deletedLately, wanted: 1 };
        return brakeWords({ owners: [{ live: others, deletedLately: 0, wanted: 1 }], fleet: after }, POLICIES) === null;
      }),
    );
  });
});
