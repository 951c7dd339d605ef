import { isUuid, newId } from './uuid';

describe('newId', () => {
  it('gives ids whose order is that in which they were made', () => {
    const ids = Array.from({ length: 5_000 }, newId);
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every(isUuid)).toBe(true);
  });
});
