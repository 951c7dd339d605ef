import { Transform } from 'class-transformer';
import { ValidateBy, ValidateIf } from 'class-validator';
import { documented, type DocumentedRule } from './documented';
import { shownName } from './pointer';
import { isCleanText, lengthOf } from './text';

const all =
  (...decorators: PropertyDecorator[]): PropertyDecorator =>
  (target, key) => {
    for (const decorate of decorators) decorate(target, key);
  };

const MAY_BE_NULL = 'validation:may-be-null';

/** The field may be absent. Unlike class-validator's IsOptional it may not be null. */
export const Optional = (): PropertyDecorator => ValidateIf((_dto: object, value: unknown) => value !== undefined);

/**
 * The field may be absent, and `null` means the same, because generated clients write it for what was not set. Only for what is
 * made anew: in a change or a selection `null` could mean something else. `orEmpty`: `[]` means the same too.
 */
export const OptionalOrNull = ({ orEmpty = false }: { orEmpty?: boolean } = {}): PropertyDecorator =>
  all(
    Transform(({ value }: { value: unknown }) => (value === null || (orEmpty && isEmptyList(value)) ? undefined : value)),
    Optional(),
    Reflect.metadata(MAY_BE_NULL, true),
  );

/** Whether `null` for the member of this instance of a DTO means that it is absent. */
export const mayBeNull = (dto: object, key: string): boolean => Reflect.hasMetadata(MAY_BE_NULL, dto, key);

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** Keeps a map that was given as it was sent: class-transformer drops members that share a name with a method of Object. */
const AsSent = (): PropertyDecorator =>
  Transform(({ obj, key, value }: { obj: object; key: string; value: unknown }): unknown =>
    value === undefined ? undefined : (Reflect.get(obj, key) as unknown),
  );

/** A bounded array whose entries the handler checks by itself, each as the body of a request of its own. */
export const ListAsSent = ({ minEntries, maxEntries }: { minEntries: number; maxEntries: number }): PropertyDecorator =>
  all(
    AsSent(),
    documented({ minItems: minEntries, maxItems: maxEntries }),
    ValidateBy({
      name: 'listAsSent',
      validator: {
        validate: (value: unknown) => Array.isArray(value) && value.length >= minEntries && value.length <= maxEntries,
        defaultMessage: (context) =>
          `${context?.property ?? 'the value'} must be an array of ${String(minEntries)} to ${String(maxEntries)} entries`,
      },
    }),
  );

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
  all(
    documented(textSchema(rule)),
    ValidateBy({
      name: 'textField',
      validator: {
        validate: (value: unknown) => textFault(value, rule) === undefined,
        defaultMessage: (context) => `${context?.property ?? 'the value'} ${textFault(context?.value, rule) ?? 'is not valid'}`,
      },
    }),
  );

const MAX_TIME_LENGTH = 40;

/** A time in any spelling that `readTime` takes; that is what refuses all others, in its own words. */
export const TimeField = (): PropertyDecorator => TextField({ min: 0, max: MAX_TIME_LENGTH });

const textSchema = ({ min = 1, max, pattern }: TextRule): DocumentedRule => ({
  minLength: min,
  maxLength: max,
  // JSON Schema has no flags.
  ...(pattern?.flags === '' ? { pattern: pattern.source } : {}),
});

export interface TextListRule extends TextRule {
  readonly minEntries?: number;
  readonly maxEntries: number;
  /** What is wrong with the list as a whole, in words that follow its name ("must ..."); undefined when nothing is. */
  readonly faultOf?: (entries: readonly string[]) => string | undefined;
}

function listFault(value: unknown, rule: TextListRule): string | undefined {
  const { minEntries = 0, maxEntries } = rule;
  if (!Array.isArray(value)) return 'must be an array of strings';
  if (value.length < minEntries || value.length > maxEntries) return `must have ${String(minEntries)} to ${String(maxEntries)} entries`;
  for (const [index, entry] of value.entries()) {
    const fault = textFault(entry, rule);
    if (fault !== undefined) return `entry ${String(index)} ${fault}`;
  }
  return rule.faultOf?.(value as string[]);
}

/** An array of strings, each as in TextField. */
export const TextList = (rule: TextListRule): PropertyDecorator =>
  all(
    documented({ minItems: rule.minEntries ?? 0, maxItems: rule.maxEntries, ...textSchema(rule) }),
    ValidateBy({
      name: 'textList',
      validator: {
        validate: (value: unknown) => listFault(value, rule) === undefined,
        defaultMessage: (context) => `${context?.property ?? 'the value'} ${listFault(context?.value, rule) ?? 'is not valid'}`,
      },
    }),
  );

export interface MapRule {
  readonly maxEntries: number;
  readonly keyPattern: RegExp;
  readonly maxValueLength: number;
  /** Absent: any text. */
  readonly valuePattern?: RegExp;
  /** Values may contain tabs and line breaks, as certificates do. */
  readonly multiline?: boolean;
}

function mapFault(value: unknown, { maxEntries, keyPattern, maxValueLength, valuePattern, multiline }: MapRule): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object with string values';
  const entries = Object.entries(value);
  if (entries.length > maxEntries) return `must have at most ${String(maxEntries)} entries`;
  for (const [key, entry] of entries) {
    if (!keyPattern.test(key)) return `has a key that does not match ${keyPattern.source}: ${JSON.stringify(shownName(key))}`;
    const fault = textFault(entry, { min: 0, max: maxValueLength, multiline });
    if (fault !== undefined) return `value of ${JSON.stringify(shownName(key))} ${fault}`;
    if (valuePattern && !valuePattern.test(String(entry)))
      return `value of ${JSON.stringify(shownName(key))} must match ${valuePattern.source}`;
  }
  return undefined;
}

export interface MapSchema {
  readonly type: 'object';
  readonly maxProperties: number;
  readonly additionalProperties: {
    readonly type: 'string';
    readonly maxLength: number;
    readonly pattern?: string;
    readonly nullable?: boolean;
  };
}

/** Of JSON Schema 2020-12, which OpenAPI 3.1 uses and the types of Nest do not know. */
const namesLike = ({ source }: RegExp): object => ({ propertyNames: { pattern: source } });

/** What the document says of a map. `entriesMayBeNull`: as in a merge patch, where `null` takes an entry away. */
export const mapSchema = (
  { maxEntries, keyPattern, maxValueLength, valuePattern }: MapRule,
  { entriesMayBeNull = false }: { entriesMayBeNull?: boolean } = {},
): MapSchema => ({
  ...namesLike(keyPattern),
  type: 'object',
  maxProperties: maxEntries,
  additionalProperties: {
    type: 'string',
    maxLength: maxValueLength,
    ...(valuePattern ? { pattern: valuePattern.source } : {}),
    ...(entriesMayBeNull ? { nullable: true } : {}),
  },
});

/** A flat object of strings, such as env or labels. Messages name the key, never the value: it may be a secret. */
export const IsPlainMap = (rule: MapRule): PropertyDecorator =>
  all(
    AsSent(),
    documented(mapSchema(rule)),
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
    documented({ type: 'integer', minimum: min, maximum: max }),
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

/** A parameter of a query that may be repeated: an array of strings, each as in TextField. */
export const QueryList = (rule: TextListRule): PropertyDecorator =>
  all(
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? [value] : value)),
    TextList(rule),
  );
