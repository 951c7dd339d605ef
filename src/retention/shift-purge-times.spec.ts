import fc from 'fast-check';
import type { RetentionPolicy } from './retention-policy';
import { NOTICE_MS, shiftPurgeTimes, type DeletedDeployment } from './shift-purge-times';

const DAY_MS = 86_400_000;
const now = new Date('2026-03-01T12:00:00.000Z');
const daysFromNow = (days: number): Date => new Date(now.getTime() + days * DAY_MS);
const deleted = (over: Partial<DeletedDeployment> = {}): DeletedDeployment => ({
  id: 'd1',
  userId: 'u1',
  type: 'compute',
  labels: { team: 'edge' },
  policies: [],
  deletedAt: daysFromNow(-10),
  purgeAt: daysFromNow(20),
  ...over,
});
const team = (days: number | null): { selector: 'label'; value: string; days: number | null } => ({
  selector: 'label',
  value: 'team=edge',
  days,
});
const shift = (deployment: DeletedDeployment, days: number | null): ReturnType<typeof shiftPurgeTimes> =>
  shiftPurgeTimes([deployment], team(days), { defaultDays: 30, now });

describe('shiftPurgeTimes', () => {
  it('moves to later as far as the policy says', () => {
    expect(shift(deleted(), 90)).toEqual([
      { id: 'd1', purgeAt: daysFromNow(80), words: '90 days, by the policy for label team=edge', direction: 'later', afterNotice: false },
    ]);
  });

  it('moves to sooner, but never to less than a day from now', () => {
    expect(shift(deleted(), 15)).toMatchObject([{ purgeAt: daysFromNow(5), direction: 'sooner', afterNotice: false }]);
    expect(shift(deleted(), 1)).toMatchObject([{ purgeAt: daysFromNow(1), direction: 'sooner', afterNotice: true }]);
  });

  it('leaves what would be purged within that day anyway', () => {
    expect(shift(deleted({ purgeAt: daysFromNow(0.5) }), 1)).toEqual([]);
    expect(shift(deleted({ purgeAt: daysFromNow(-3) }), 1)).toEqual([]);
  });

  it('leaves those for whom a stronger policy still decides', () => {
    const policies: RetentionPolicy[] = [{ selector: 'label', value: 'team=edge', days: 30 }];
    expect(shiftPurgeTimes([deleted({ policies })], { selector: 'type', value: 'compute', days: 90 }, { defaultDays: 30, now })).toEqual(
      [],
    );
  });

  it('falls back to the next policy when one is removed', () => {
    const policies: RetentionPolicy[] = [
      { selector: 'label', value: 'team=edge', days: 30 },
      { selector: 'user', value: 'u1', days: 60 },
    ];
    expect(shift(deleted({ policies }), null)).toMatchObject([{ purgeAt: daysFromNow(50), words: '60 days, by the policy for user u1' }]);
  });

  it('brings nothing nearer than a day from now, and says the direction right, whatever the change', () => {
    const days = fc.integer({ min: 1, max: 36_500 });
    fc.assert(
      fc.property(
        fc.integer({ min: -40_000, max: 0 }),
        fc.integer({ min: -100, max: 40_000 }),
        fc.option(days),
        (since, until, changed) => {
          const purgeAt = daysFromNow(until);
          for (const shifted of shift(deleted({ deletedAt: daysFromNow(since), purgeAt }), changed)) {
            if (shifted.direction === 'sooner') expect(shifted.purgeAt.getTime()).toBeGreaterThanOrEqual(now.getTime() + NOTICE_MS);
            expect(shifted.purgeAt > purgeAt).toBe(shifted.direction === 'later');
            expect(shifted.purgeAt).not.toEqual(purgeAt);
          }
        },
      ),
    );
  });
});
