import { HELD } from '../config/quota-list';
import type { Limits } from '../quotas/quota-limits';
import { roomFor, type Grant } from './quota-room';

const NO_LIMITS = Object.fromEntries(HELD.map((held) => [held, null])) as Limits;
const user = (limits: Partial<Limits>, used: object) => ({ kind: 'user', name: 'ada', limits: { ...NO_LIMITS, ...limits }, used }) as const;
const project = (limits: Partial<Limits>, used: object) => ({ ...user(limits, used), kind: 'project', name: 'web' }) as const;

/** Two replicas of a core each are granted. */
const grant = (held: number, each = 1): Grant => ({
  granted: { replicas: 2, cpu_cores: 2 },
  held: { replicas: held, cpu_cores: held },
  each: { replicas: 1, cpu_cores: each },
});

describe('the room that quotas leave for more replicas of a deployment', () => {
  it.each<[string, number, Grant, Parameters<typeof roomFor>[2], number]>([
    ['nobody has a limit', 5, grant(2), [user({}, { replicas: 2 })], 5],
    ['they are within what was granted', 2, grant(0), [user({ replicas: 2 }, { replicas: 2 })], 2],
    ['they are within it, and a limit was lowered', 2, grant(0), [user({ replicas: 1 }, { replicas: 2 })], 2],
    ['some are beyond it', 3, grant(1), [user({ replicas: 3 }, { replicas: 2 })], 2],
    ['all are beyond it', 1, grant(2), [user({ replicas: 2 }, { replicas: 2 })], 0],
    ['each is larger than before', 2, grant(1, 2), [user({ cpu_cores: 3 }, { cpu_cores: 2 })], 1],
    [
      'there is room for one of two holders only',
      2,
      grant(2),
      [user({ replicas: 9 }, { replicas: 2 }), project({ replicas: 3 }, { replicas: 2 })],
      1,
    ],
    ['fractions of cores fill a limit', 3, grant(2, 0.1), [user({ cpu_cores: 2.3 }, { cpu_cores: 2 })], 3],
  ])('is exact when %s', (_when, count, granted, holders, fits) => {
    const room = roomFor(count, granted, holders);
    expect([room.count, room.words === null]).toEqual([fits, fits === count]);
  });

  it('is named by what is short, with figures of projects only', () => {
    expect(roomFor(2, grant(2), [project({ cpu_cores: 3 }, { cpu_cores: 2 })])).toEqual({
      count: 1,
      words: 'Waits for room in the quota cpu_cores of project web: it allows 3, and there are 2',
    });
    expect(roomFor(1, grant(2), [user({ replicas: 2 }, { replicas: 2 })])).toEqual({
      count: 0,
      words: 'Waits for room in the quota replicas of the user for whom it counts',
    });
  });
});
