import { quantity } from './quantity';

describe('quantity', () => {
  it.each([
    ['500m', 0.5],
    ['2', 2],
    ['1.5', 1.5],
    ['16Gi', 16 * 2 ** 30],
    ['1e3', 1000],
    ['128974848', 128_974_848],
    ['129M', 129e6],
    ['250000000n', 0.25],
    ['5Ei', 5 * 2 ** 60],
    ['', 0],
    ['a lot', 0],
    ['3Xi', 0],
    [undefined, 0],
  ])('reads %s as %d', (text, value) => {
    expect(quantity(text)).toBeCloseTo(value, 9);
  });
});
