import { ValidateBy, type ValidationOptions } from 'class-validator';

export const THREE_DECIMALS = 'threeDecimals';

/** A finite number with at most three decimals. The rule of class-validator throws for numbers that JavaScript writes as `1e-7`. */
export const ThreeDecimals = (options?: ValidationOptions): PropertyDecorator =>
  ValidateBy(
    {
      name: THREE_DECIMALS,
      validator: {
        validate: (value: unknown) => typeof value === 'number' && Number.isFinite(value) && Number(value.toFixed(3)) === value,
        defaultMessage: () => '$property must be a number with at most three decimals',
      },
    },
    options,
  );
