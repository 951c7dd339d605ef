import { lockSchedule, lockSecondsAfter } from './lockout';
import { StrangerLockout } from './stranger-lockout';

const schedule = lockSchedule({ maxFailures: 5, lockSeconds: 300, maxLockSeconds: 3_600 });

describe('lockSchedule', () => {
  it('lets four failures pass, then locks for five minutes and doubles up to an hour', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1_000].map((failures) => lockSecondsAfter(failures, schedule))).toEqual([
      0, 0, 0, 0, 300, 600, 1_200, 2_400, 3_600, 3_600, 3_600,
    ]);
  });
});

describe('StrangerLockout', () => {
  it('locks a name by the same schedule as an account and opens it again', () => {
    const strangers = new StrangerLockout(schedule);
    for (let n = 0; n < 5; n++) strangers.recordFailure('x', 0);
    expect(strangers.lockedForSeconds('x', 0)).toBe(300);
    expect(strangers.lockedForSeconds('x', 299_001)).toBe(1);
    expect(strangers.lockedForSeconds('x', 300_000)).toBe(0);
    expect(strangers.lockedForSeconds('y', 0)).toBe(0);
    strangers.recordFailure('x', 300_000);
    expect(strangers.lockedForSeconds('x', 300_000)).toBe(600);
  });
});
