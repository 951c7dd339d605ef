import { Transform } from 'class-transformer';
import { IsInt, IsUrl, Max, Min, ValidateBy, type ValidationOptions } from 'class-validator';

/** `Boolean('false')` is true, so flags are spelled out; anything else stays a string and fails @IsBoolean. */
export const Flag = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value));

/** Digits only: `Number` would also read `0x5`, `1e1` and `5.0`, which somebody may have meant otherwise. */
const inDigits = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' ? (/^-?\d+$/.test(value) ? Number(value) : Number.NaN) : value;

/** A variable that is a whole number within bounds, both included. */
export const whole =
  (min: number, max: number): PropertyDecorator =>
  (target, key) => {
    for (const decorate of [Transform(inDigits), IsInt(), Min(min), Max(max)]) decorate(target, key);
  };

/** A URL of one of these schemes. Its host may be any that resolvers take: with `_`, with a final dot, without a domain. */
export const IsUrlOf = (protocols: readonly string[], options?: ValidationOptions): PropertyDecorator =>
  IsUrl(
    { protocols: [...protocols], require_tld: false, require_protocol: true, allow_underscores: true, allow_trailing_dot: true },
    options,
  );

/** A variable that `read` can read; what it throws is the sentence for one that it cannot. */
export const IsReadBy = (read: (text: string) => unknown): PropertyDecorator =>
  ValidateBy({
    name: 'isReadBy',
    validator: {
      validate: (value: unknown) => faultOf(read, value) === undefined,
      defaultMessage: (args) => named(args?.property ?? '', faultOf(read, args?.value) ?? ''),
    },
  });

const named = (variable: string, words: string): string => (words.includes(variable) ? words : `${variable}: ${words}`);

function faultOf(read: (text: string) => unknown, value: unknown): string | undefined {
  try {
    read(String(value));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
