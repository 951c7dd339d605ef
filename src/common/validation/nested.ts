import { Type } from 'class-transformer';
import { ValidateBy, ValidateNested } from 'class-validator';
import { documented } from './documented';

const isPlainObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A nested object that is checked against its own class. `@ValidateNested()` alone accepts a missing object and an
 * array in its place; this does not. Put `@Optional()` beside it if the object may be absent.
 */
export const NestedField =
  (type: () => new () => object): PropertyDecorator =>
  (target, key) => {
    Type(type)(target, key);
    ValidateBy({
      name: 'nestedField',
      validator: {
        validate: isPlainObject,
        defaultMessage: (context) => `${context?.property ?? 'the value'} must be an object`,
      },
    })(target, key);
    ValidateNested()(target, key);
  };

/** A bounded array of nested objects, each checked against its own class. */
export const NestedList =
  (type: () => new () => object, { minEntries = 0, maxEntries }: { minEntries?: number; maxEntries: number }): PropertyDecorator =>
  (target, key) => {
    documented({ minItems: minEntries, maxItems: maxEntries })(target, key);
    Type(type)(target, key);
    ValidateBy({
      name: 'nestedList',
      validator: {
        validate: (value: unknown) =>
          Array.isArray(value) && value.length >= minEntries && value.length <= maxEntries && value.every(isPlainObject),
        defaultMessage: (context) =>
          `${context?.property ?? 'the value'} must be an array of ${String(minEntries)} to ${String(maxEntries)} objects`,
      },
    })(target, key);
    ValidateNested()(target, key);
  };
