import type { NodeTarget } from '../../engines/node-target';
import type { Entrance, Entrances } from '../../runtime/entrances';
import { EntranceFollower } from './entrance-follower';

const node: NodeTarget = { id: 'n1', name: 'cluster', runtime: 'kubernetes', endpoint: null };
const entrance = (members: string[], over: Partial<Entrance> = {}): Entrance => ({
  deploymentId: 'd1',
  ownerId: 'o1',
  ports: [80],
  members,
  keep: 0,
  routes: [{ host: 'web.ada.localhost', pathPrefix: '/', port: 80 }],
  ...over,
});

describe('EntranceFollower', () => {
  let wishes: Entrance[];
  let served: string[];
  let behind: Map<string, string>;
  let looks: number;
  let now: number;
  const engine: Entrances = {
    bring: async (_target, wanted) => {
      looks += 1;
      await wanted();
      return { behind, served: new Set(served) };
    },
  };
  const never = new AbortController().signal;
  let follower: EntranceFollower;
  beforeEach(() => {
    [wishes, served, behind, looks, now] = [[entrance(['r1'])], ['r1'], new Map(), 0, 0];
    follower = new EntranceFollower(node, {
      engine,
      now: () => now,
      wanted: () => Promise.resolve({ entrances: wishes, snapshot: '1:1:' }),
    });
  });

  it('asks the engine when something has changed, and now and then', async () => {
    expect(await follower.look(never)).toEqual({ snapshot: '1:1:', behind: {}, busy: [] });
    await follower.look(never);
    expect(looks).toBe(1);
    wishes = [entrance(['r1', 'r2'])];
    await follower.look(never);
    expect(looks).toBe(2);
    now = 31_000;
    await follower.look(never);
    expect(looks).toBe(3);
  });

  it('asks again while anything is not as wanted, and says so', async () => {
    behind = new Map([['d1', 'A Pod still serves']]);
    expect(await follower.look(never)).toMatchObject({ behind: { d1: 'A Pod still serves' } });
    behind = new Map();
    expect(await follower.look(never)).toMatchObject({ behind: {} });
    expect(looks).toBe(2);
  });

  it('tells that a replica may still answer until the engine has taken it out and a moment has passed', async () => {
    await follower.look(never);
    wishes = [entrance([])];
    expect(await follower.look(never)).toMatchObject({ busy: ['r1'] });
    [served, now] = [[], 2_000];
    expect(await follower.look(never)).toMatchObject({ busy: ['r1'] });
    now = 3_100;
    expect(await follower.look(never)).toMatchObject({ busy: [] });
  });

  it('is nobody to wait for where nothing has routes', async () => {
    wishes = [entrance(['r1'], { routes: [] })];
    expect(await follower.look(never)).toBeNull();
  });
});
