import { BoundedQueue } from './bounded-queue';

describe('a bounded queue', () => {
  it('lets writers wait while it is full, and keeps the order of each', async () => {
    const queue = new BoundedQueue<string>(2, () => undefined);
    let written = 0;
    const write = async (name: string): Promise<void> => {
      for (let index = 0; index < 5; index++) {
        await queue.put(`${name}${String(index)}`);
        written += 1;
      }
    };
    const writers = Promise.all([write('a'), write('b')]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBe(2);
    const read: string[] = [];
    while (read.length < 10) {
      const item = queue.take();
      if (item === undefined) await new Promise((resolve) => setImmediate(resolve));
      else read.push(item);
    }
    await writers;
    expect(read.filter((item) => item.startsWith('a'))).toEqual(['a0', 'a1', 'a2', 'a3', 'a4']);
    expect(read.filter((item) => item.startsWith('b'))).toEqual(['b0', 'b1', 'b2', 'b3', 'b4']);
  });

  it('lets nobody wait once it is closed', async () => {
    const queue = new BoundedQueue<number>(1, () => undefined);
    await queue.put(1);
    const waiting = queue.put(2);
    queue.close();
    await waiting;
    await queue.put(3);
    expect([queue.take(), queue.take()]).toEqual([1, undefined]);
  });
});
