import { inBatches } from './in-batches';

const takeFrom = (rows: number): { batch: (limit: number) => Promise<number>; left: () => number; calls: () => number } => {
  let [left, calls] = [rows, 0];
  const batch = (limit: number): Promise<number> => {
    const taken = Math.min(limit, left);
    [left, calls] = [left - taken, calls + 1];
    return Promise.resolve(taken);
  };
  return { batch, left: () => left, calls: () => calls };
};

describe('inBatches', () => {
  it.each([
    [0, 1],
    [999, 1],
    [1_000, 2],
    [2_500, 3],
  ])('takes %i rows in %i calls', async (rows, calls) => {
    const table = takeFrom(rows);
    expect([await inBatches(table.batch), table.left(), table.calls()]).toEqual([rows, 0, calls]);
  });

  it('stops after its number of batches, and goes on with the next call', async () => {
    const table = takeFrom(2_500);
    expect([await inBatches(table.batch, 2), table.left()]).toEqual([2_000, 500]);
    expect([await inBatches(table.batch, 2), table.left()]).toEqual([500, 0]);
  });

  it('ends with the error of a batch', async () => {
    await expect(inBatches(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });
});
