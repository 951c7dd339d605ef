import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { eachAtATime } from './each-at-a-time';

describe('eachAtATime', () => {
  it('works on every item in order, and on no more at a time than allowed', async () => {
    const begun: number[] = [];
    let [active, most] = [0, 0];
    await eachAtATime(3, [1, 2, 3, 4, 5, 6, 7], async (item) => {
      begun.push(item);
      most = Math.max(most, ++active);
      await sleep(1);
      active -= 1;
    });
    expect([begun, most, active]).toEqual([[1, 2, 3, 4, 5, 6, 7], 3, 0]);
  });

  it('begins nothing after a failure, which it rejects with', async () => {
    const begun: number[] = [];
    const work = async (item: number): Promise<void> => {
      begun.push(item);
      await turn();
      if (item === 2) throw new Error('two');
    };
    await expect(eachAtATime(2, [1, 2, 3, 4, 5, 6], work)).rejects.toThrow('two');
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(begun).toEqual([1, 2, 3]);
  });

  it('is done at once with nothing to do', async () => {
    await eachAtATime(2, [], () => Promise.reject(new Error('never called')));
  });
});
