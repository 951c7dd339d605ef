import { lockSchedule } from './lockout';

describe('lockSchedule', () => {
  it('lets four failures pass, then locks for five minutes and doubles up to an hour', () => {
    const schedule = lockSchedule({ maxFailures: 5, lockSeconds: 300, maxLockSeconds: 3_600 });
    expect(schedule.slice(0, 10)).toEqual([0, 0, 0, 0, 300, 600, 1_200, 2_400, 3_600, 3_600]);
    expect(schedule.at(-1)).toBe(3_600);
  });
});
