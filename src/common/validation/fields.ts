import { Transform } from 'class-transformer';
import { ValidateBy, ValidateIf } from 'class-validator';
import { shownName } from './pointer';
import { isCleanText, lengthOf } from './text';

const all =
  (...decorators: PropertyDecorator[]): PropertyDecorator =>
  (target, key) => {
    for (const decorate of decorators) decorate(target, key);
  };

/** The field may be absent. Unlike class-validator's IsOptional it may not be null. */
export const Optional = (): PropertyDecorator => ValidateIf((_dto: object, value: unknown) => value !== undefined);

/** Keeps the map as it was sent: class-transformer drops members of a plain map that share a name with a method of Object. */
const AsSent = (): PropertyDecorator =>
  Transform(({ obj, key }: { obj: object; key: string }): unknown => Reflect.get(obj, key) as unknown);

export interface TextRule {
  readonly min?: number;
  readonly max: number;
  readonly pattern?: RegExp;
  /** What the pattern asks for, in words that complete "must ...". */
  readonly hint?: string;
  /** Tabs and line breaks are allowed. */
  readonly multiline?: boolean;
}

function textFault(value: unknown, { min = 1, max, pattern, hint, multiline }: TextRule): string | undefined {
  if (typeof value !== 'string') return 'must be a string';
  const length = value.length > max * 2 ? value.length : lengthOf(value);
  if (length < min || length > max) return `must have ${String(min)} to ${String(max)} characters`;
  if (!isCleanText(value, multiline)) return 'must not contain control characters or broken Unicode';
  if (pattern && !pattern.test(value)) return `must ${hint ?? `match ${pattern.source}`}`;
  return undefined;
}

/** A string of `min` (1) to `max` code points without control characters, matching `pattern` if one is given. */
export const TextField = (rule: TextRule): PropertyDecorator =>
  ValidateBy({
    name: 'textField',
    validator: {
      validate: (value: unknown) => textFault(value, rule) === undefined,
      defaultMessage: (context) => `${context?.property ?? 'the value'} ${textFault(context?.value, rule) ?? 'is not valid'}`,
    },
  });

export interface TextListRule extends TextRule {
  readonly minEntries?: number;
  readonly maxEntries: number;
}

function listFault(value: unknown, rule: TextListRule): string | undefined {
  const { minEntries = 0, maxEntries } = rule;
  if (!Array.isArray(value)) return 'must be an array of strings';
  if (value.length < minEntries || value.length > maxEntries) return `must have ${String(minEntries)} to ${String(maxEntries)} entries`;
  for (const [index, entry] of value.entries()) {
    const fault = textFault(entry, rule);
    if (fault !== undefined) return `entry ${String(index)} ${fault}`;
  }
  return undefined;
}

/** An array of strings, each as in TextField; such as a command. */
export const TextList = (rule: TextListRule): PropertyDecorator =>
  ValidateBy({
    name: 'textList',
    validator: {
      validate: (value: unknown) => listFault(value, rule) === undefined,
      defaultMessage: (context) => `${context?.property ?? 'the value'} ${listFault(context?.value, rule) ?? 'is not valid'}`,
    },
  });

export interface MapRule {
  readonly maxEntries: number;
  readonly keyPattern: RegExp;
  readonly maxValueLength: number;
  /** Values may contain tabs and line breaks, as certificates do. */
  readonly multiline?: boolean;
}

function mapFault(value: unknown, { maxEntries, keyPattern, maxValueLength, multiline }: MapRule): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object with string values';
  const entries = Object.entries(value);
  if (entries.length > maxEntries) return `must have at most ${String(maxEntries)} entries`;
  for (const [key, entry] of entries) {
    if (!keyPattern.test(key)) return `has a key that does not match ${keyPattern.source}: ${JSON.stringify(shownName(key))}`;
    const fault = textFault(entry, { min: 0, max: maxValueLength, multiline });
    if (fault !== undefined) return `value of ${JSON.stringify(shownName(key))} ${fault}`;
  }
  return undefined;
}

/** A flat object of strings, such as env or labels. Messages name the key, never the value: it may be a secret. */
export const IsPlainMap = (rule: MapRule): PropertyDecorator =>
  all(
    AsSent(),
    ValidateBy({
      name: 'isPlainMap',
      validator: {
        validate: (value: unknown) => mapFault(value, rule) === undefined,
        defaultMessage: (context) => `${context?.property ?? 'the value'} ${mapFault(context?.value, rule) ?? 'is not valid'}`,
      },
    }),
  );

/** A whole number in a query or path: digits only, so that '', '1e1', '0x10' and repeated parameters are faults. */
export const QueryInteger = ({ min, max }: { min: number; max: number }): PropertyDecorator =>
  all(
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value)),
    ValidateBy({
      name: 'queryInteger',
      validator: {
        validate: (value: unknown) => typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max,
        defaultMessage: (context) => `${context?.property ?? 'the value'} must be an integer from ${String(min)} to ${String(max)}`,
      },
    }),
  );

/** `true` or `false` in a query; every other spelling is a fault. */
export const QueryFlag = (): PropertyDecorator =>
  all(
    Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value)),
    ValidateBy({
      name: 'queryFlag',
      validator: {
        validate: (value: unknown) => typeof value === 'boolean',
        defaultMessage: (context) => `${context?.property ?? 'the value'} must be true or false`,
      },
    }),
  );
