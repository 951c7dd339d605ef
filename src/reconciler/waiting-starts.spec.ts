import { until } from '../../test/support/until';
import { WaitingStarts } from './waiting-starts';

/** Collects the keys that are woken. The test says how many places are free and whether waking fails. */
function watched(freePlaces: () => number, fails: () => boolean = () => false) {
  const woken: string[][] = [];
  const starts = new WaitingStarts(freePlaces, (keys) => {
    if (fails()) return Promise.reject(new Error('The database is away'));
    woken.push([...keys]);
    return Promise.resolve();
  });
  const wokenKeys = (many: number): Promise<string[]> =>
    until(() => Promise.resolve(woken.flat().length >= many ? woken.flat() : null), { everyMs: 5, what: `${many} woken` });
  return { starts, woken, wokenKeys };
}

describe('WaitingStarts', () => {
  it('wakes no deployment while all places are taken', async () => {
    let looks = 0;
    let free = 0;
    const { starts, woken, wokenKeys } = watched(() => {
      looks += 1;
      return free;
    });
    starts.add('a', 'ada');
    await until(() => looks > 6);
    expect(woken).toEqual([]);
    free = 1;
    expect(await wokenKeys(1)).toEqual(['a']);
  });

  it('wakes as many as there are places free, those first who came first', async () => {
    const { starts, woken, wokenKeys } = watched(() => 2);
    for (const key of ['a', 'b', 'c']) starts.add(key, 'ada');
    expect(await wokenKeys(3)).toEqual(['a', 'b', 'c']);
    expect(woken[0]).toEqual(['a', 'b']);
  });

  it('takes turns between owners, however many starts of one of them wait', async () => {
    const { starts, wokenKeys } = watched(() => 1);
    for (const key of ['a', 'b', 'c']) starts.add(key, 'ada');
    starts.add('e', 'eve');
    expect(await wokenKeys(4)).toEqual(['a', 'e', 'b', 'c']);
  });

  it('goes on with those who come later', async () => {
    const { starts, wokenKeys } = watched(() => 1);
    starts.add('a', 'ada');
    await wokenKeys(1);
    starts.add('b', 'ada');
    expect(await wokenKeys(2)).toEqual(['a', 'b']);
  });

  it('does not take a place for free that is so for a moment, between two jobs', async () => {
    let looks = 0;
    let busy = true;
    const { starts, woken, wokenKeys } = watched(() => ((looks += 1) % 2 === 0 || !busy ? 1 : 0));
    starts.add('a', 'ada');
    await until(() => Promise.resolve(looks > 6));
    expect(woken).toEqual([]);
    busy = false;
    await wokenKeys(1);
  });

  it('outlives a wake that fails, whose job comes by itself later', async () => {
    let failures = 0;
    const { starts, wokenKeys } = watched(
      () => 1,
      () => (failures += 1) === 1,
    );
    starts.add('a', 'ada');
    starts.add('b', 'ada');
    expect(await wokenKeys(1)).toEqual(['b']);
  });
});
