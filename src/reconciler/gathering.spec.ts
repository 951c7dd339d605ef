import { gatherMs } from './gathering';

describe('how long a run waits for other engine calls', () => {
  it.each([
    ['many that take long', 10_000, 100, 500],
    ['as many as count as many', 10_000, 20, 500],
    ['few', 10_000, 2, 50],
    ['many that take very long', 60_000, 100, 1_000],
    ['few that take very long', 600_000, 2, 1_000],
    ['quick ones', 20, 100, 10],
    ['one other', 1_200, 1, 10],
  ])('when there are %s', (_what, tookMs, underWay, ms) => {
    expect(gatherMs(tookMs, underWay)).toBe(ms);
  });
});
