import fc from 'fast-check';
import { NOW, secondsAgo } from '../../test/support/plan-input';
import { restartDelaySeconds } from '../engines/restart-backoff';
import { nextAttempt, restartDueMs } from './restart-policy';

const ended = (attempt: number, ranSeconds: number | null, agoSeconds = 0) => ({
  attempt,
  runningAt: ranSeconds === null ? null : secondsAgo(agoSeconds + ranSeconds),
  changedAt: secondsAgo(agoSeconds),
});

describe('the restart policy', () => {
  it.each([
    [0, 0],
    [1, 0],
    [2, 10],
    [3, 20],
    [4, 40],
    [5, 80],
    [6, 160],
    [7, 300],
    [1000, 300],
  ])('before attempt %i waits %i s', (attempt, seconds) => {
    expect(restartDelaySeconds(attempt)).toBe(seconds);
  });

  it.each([
    ['counts on when the replica never ran', ended(4, null), 5],
    ['counts on when it ran for less than ten minutes', ended(4, 599.9), 5],
    ['begins again when it ran for ten minutes', ended(4, 600), 1],
  ])('%s', (_name, replica, next) => {
    expect(nextAttempt(replica)).toBe(next);
  });

  it('is due when the delay after the failure is over, and never in the past', () => {
    expect(restartDueMs(ended(1, null, 4), NOW)).toBe(6_000);
    expect(restartDueMs(ended(1, null, 10), NOW)).toBe(0);
    expect(restartDueMs(ended(1, null, 3_600), NOW)).toBe(0);
  });

  it('never waits longer than five minutes and never less after more failures', () => {
    fc.assert(
      fc.property(fc.nat({ max: 5_000 }), (attempt) => {
        expect(restartDelaySeconds(attempt)).toBeLessThanOrEqual(300);
        expect(restartDelaySeconds(attempt + 1)).toBeGreaterThanOrEqual(restartDelaySeconds(attempt));
      }),
    );
  });
});
