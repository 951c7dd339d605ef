import { Progress } from './progress';

describe('the progress of a start', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('is written when the start takes a while, only the newest words', async () => {
    const written: string[] = [];
    const progress = new Progress((words) => Promise.resolve(void written.push(words)));
    progress.note('1 of 3');
    progress.note('2 of 3');
    await jest.advanceTimersByTimeAsync(400);
    expect(written).toEqual(['2 of 3']);
    progress.note('3 of 3');
    await jest.advanceTimersByTimeAsync(400);
    expect(written).toEqual(['2 of 3', '3 of 3']);
    progress.end();
  });

  it('is not written of a start that ends at once', async () => {
    const written: string[] = [];
    const progress = new Progress((words) => Promise.resolve(void written.push(words)));
    progress.note('1 of 3');
    progress.end();
    await jest.advanceTimersByTimeAsync(400);
    expect(written).toEqual([]);
  });

  it('costs nothing but itself when it cannot be written', async () => {
    const progress = new Progress(() => Promise.reject(new Error('no database')));
    progress.note('1 of 3');
    await jest.advanceTimersByTimeAsync(400);
    expect(() => progress.note('2 of 3')).not.toThrow();
    progress.end();
  });
});
