import { validateSync } from 'class-validator';
import { ThreeDecimals } from './three-decimals';

class Body {
  @ThreeDecimals()
  cores: unknown;
}

describe('a number with three decimals', () => {
  it.each([
    ...[0, 12.5, 0.001, 1e21].map((cores) => [cores, true] as const),
    ...[1e-7, 0.0005, NaN, Infinity, '1', null].map((cores) => [cores, false] as const),
  ])('%p: %p', (cores, fits) => {
    expect(validateSync(Object.assign(new Body(), { cores }))).toHaveLength(fits ? 0 : 1);
  });
});
