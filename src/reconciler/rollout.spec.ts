import fc from 'fast-check';
import { shareOut, type RolloutMoment, type Side } from './rollout';

const MOMENT: RolloutMoment = {
  target: 3,
  maxSurge: 1,
  maxUnavailable: 0,
  paused: false,
  next: { live: 0, available: 0 },
  current: { live: 3, available: 3 },
  former: { live: 0, available: 0 },
};
const side = (live: number, available = live): Side => ({ live, available });

describe('shareOut', () => {
  it.each([
    ['begins with as many as the surge allows', {}, { next: 1, current: 3, former: 0 }],
    ['lets no old one go before a new one serves', { next: side(1, 0) }, { next: 1, current: 3, former: 0 }],
    ['lets one go for each that serves, and begins the next', { next: side(1) }, { next: 2, current: 2, former: 0 }],
    ['begins the next when one has gone by itself', { next: side(1), current: side(2) }, { next: 2, current: 2, former: 0 }],
    ['lets the last one go at the end', { next: side(3), current: side(1) }, { next: 3, current: 0, former: 0 }],
    ['goes ahead of the new ones where some may be missing', { maxSurge: 0, maxUnavailable: 2 }, { next: 2, current: 1, former: 0 }],
    ['takes the room of those that left', { maxSurge: 0, maxUnavailable: 2, current: side(1) }, { next: 2, current: 1, former: 0 }],
    ['replaces an old one that has failed meanwhile', { next: side(1, 0), current: side(2) }, { next: 1, current: 3, former: 0 }],
    ['lets those of a rollout that was given up serve', { current: side(1), former: side(2) }, { next: 1, current: 1, former: 2 }],
    ['ends those that were given up and do not serve', { current: side(3), former: side(1, 0) }, { next: 1, current: 3, former: 0 }],
    ['goes back without fewer serving', { current: null, next: side(1), former: side(2) }, { next: 2, current: 0, former: 2 }],
    ['keeps what there is while it is paused', { paused: true, next: side(1), current: side(3) }, { next: 1, current: 3, former: 0 }],
    ['replaces a lost one while it is paused', { paused: true, next: side(1, 0), current: side(2) }, { next: 1, current: 3, former: 0 }],
    ['gives all to the only side', { current: null }, { next: 3, current: 0, former: 0 }],
  ])('%s', (_name, over, expected) => {
    expect(shareOut({ ...MOMENT, ...over })).toEqual(expected);
  });

  const aSide = fc.nat({ max: 6 }).chain((live) => fc.nat({ max: live }).map((available) => side(live, available)));
  const aMoment = fc
    .record({
      target: fc.integer({ min: 1, max: 6 }),
      maxSurge: fc.nat({ max: 4 }),
      maxUnavailable: fc.nat({ max: 6 }),
      paused: fc.constant(false),
      next: aSide,
      current: fc.option(aSide),
      former: aSide,
    })
    .filter(({ maxSurge, maxUnavailable }) => maxSurge + maxUnavailable > 0);

  /** The least serving replicas of a side leave first, and new ones do not serve yet. */
  const brought = ({ live, available }: Side, to: number): Side => side(to, Math.min(available, to, live));
  const NOTHING = side(0);
  const step = (moment: RolloutMoment): RolloutMoment => {
    const to = shareOut(moment);
    return {
      ...moment,
      next: brought(moment.next, to.next),
      current: moment.current && brought(moment.current, to.current),
      former: brought(moment.former, to.former),
    };
  };
  const sum = (moment: RolloutMoment, of: keyof Side): number => moment.next[of] + (moment.current ?? NOTHING)[of] + moment.former[of];

  it('never lets fewer serve and never more live than the policy allows, if that was so before', () => {
    fc.assert(
      fc.property(aMoment, (moment) => {
        const after = step(moment);
        const { target, maxSurge, maxUnavailable } = moment;
        expect(sum(after, 'live')).toBeLessThanOrEqual(Math.max(sum(moment, 'live'), target + maxSurge));
        expect(sum(after, 'available')).toBeGreaterThanOrEqual(Math.min(sum(moment, 'available'), target - maxUnavailable));
      }),
      { numRuns: 5_000 },
    );
  });

  it('never brings more than the surge, whatever serves on nodes that it has to leave', () => {
    const leaves = fc.nat({ max: 4 });
    fc.assert(
      fc.property(aMoment, fc.tuple(leaves, leaves, leaves), (moment, [ofNext, ofCurrent, ofFormer]) => {
        // Those that leave serve and are not among the live ones: successors are wanted for them.
        const withLeaving = ({ live, available }: Side, more: number): Side => ({ live, available: available + more });
        const { target, maxSurge, current } = moment;
        const to = shareOut({
          ...moment,
          next: withLeaving(moment.next, ofNext),
          former: withLeaving(moment.former, ofFormer),
          current: current && withLeaving(current, ofCurrent),
        });
        const live = to.next + to.current + Math.min(moment.former.live, to.former);
        expect(live).toBeLessThanOrEqual(Math.max(sum(moment, 'live'), target + maxSurge));
      }),
      { numRuns: 5_000 },
    );
  });

  it('ends with the wanted replicas alone when whatever is begun comes to serve', () => {
    fc.assert(
      fc.property(aMoment, (begin) => {
        let moment: RolloutMoment = begin;
        for (let round = 0; round < 40; round++) {
          const { next, current, former } = step(moment);
          const served = ({ live }: Side): Side => side(live);
          moment = { ...moment, next: served(next), current: current && served(current), former };
        }
        expect([moment.next, moment.current ?? NOTHING, moment.former]).toEqual([side(begin.target), NOTHING, NOTHING]);
      }),
      { numRuns: 5_000 },
    );
  });
});
