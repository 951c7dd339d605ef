import { setImmediate } from 'node:timers/promises';
import { AfterFirst } from './after-first';

describe('AfterFirst', () => {
  it('lets the first work alone and the others after it, even if it has failed; other keys do not wait', async () => {
    const turns = new AfterFirst();
    const begun: string[] = [];
    let fail = (): void => undefined;
    const first = turns.run('a', () => {
      begun.push('first');
      return new Promise((_resolve, reject) => (fail = () => reject(new Error('called off'))));
    });
    const note = (words: string) => () => Promise.resolve(void begun.push(words));
    const others = [turns.run('a', note('second')), turns.run('a', note('third'))];
    await turns.run('b', note('other'));
    await setImmediate();
    expect(begun).toEqual(['first', 'other']);
    fail();
    await expect(first).rejects.toThrow('called off');
    await Promise.all(others);
    expect(begun).toEqual(['first', 'other', 'second', 'third']);
    await turns.run('a', note('later'));
    expect(begun).toHaveLength(5);
  });
});
