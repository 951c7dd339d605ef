import { Injectable, type ArgumentMetadata, type PipeTransform, type Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { LRUCache } from 'lru-cache';
import { DomainError, type FieldFault } from '../problem/domain-error';
import { isNothing, mayBeEmpty } from './empty-body';
import { mayBeNull } from './fields';
import { shownName, toPointer } from './pointer';
import { rememberRules } from './remembered-rules';
import { THREE_DECIMALS } from './three-decimals';

rememberRules();

const MAX_FAULTS = 10;
const PRIMITIVES: readonly unknown[] = [String, Number, Boolean, Array, Object, undefined];

/**
 * The global pipe. It makes instances of the DTO class from bodies, queries and path parameters, or refuses them with
 * the first ten faults. Bodies: 422 and JSON pointers; queries and paths: 400 and parameter names. Fields without a
 * rule are refused. Nothing is converted unless the DTO says so: in a body "3" is not 3.
 */
@Injectable()
export class RequestPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type === 'custom' || PRIMITIVES.includes(metatype)) return value;
    return type === 'body' ? readBody(value, metatype as Type<object>) : readParameters(value, metatype as Type<object>);
  }
}

/** A body as an instance of its DTO. Throws `validation_failed` with JSON pointers; for bodies that a handler puts together itself. */
export function readBody<T extends object>(sent: unknown, metatype: Type<T>): T {
  const value = isNothing(sent) && mayBeEmpty(metatype) ? {} : sent;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const detail = 'The body must be a JSON object.';
    throw new DomainError('validation_failed', detail, { errors: [{ pointer: '', detail }] });
  }
  const { dto, faults } = check(value, metatype);
  if (faults.length > 0) throw new DomainError('validation_failed', sentence(faults), { errors: faults });
  return dto;
}

function readParameters(value: unknown, metatype: Type<object>): object {
  const key = JSON.stringify(value);
  const known = goodParameters(metatype).get(key);
  if (known) return copyOf(known);
  const { dto, faults } = check({ ...(value as object) }, metatype);
  if (faults.length === 0) {
    if (key.length <= MAX_REMEMBERED_LENGTH && isFlat(dto)) goodParameters(metatype).set(key, copyOf(dto));
    return dto;
  }
  const errors = faults.map(({ pointer, detail }) => ({ pointer: pointer.slice(1), detail }));
  throw new DomainError('invalid_request', sentence(errors), { errors });
}

const MAX_REMEMBERED = 500;
const MAX_REMEMBERED_LENGTH = 200;
const remembered = new WeakMap<Type<object>, LRUCache<string, object>>();

/**
 * Parameters that have passed the checks. Clients send the same few queries all the time, and checking one costs more
 * than answering it.
 */
function goodParameters(metatype: Type<object>): LRUCache<string, object> {
  const known = remembered.get(metatype) ?? new LRUCache<string, object>({ max: MAX_REMEMBERED });
  remembered.set(metatype, known);
  return known;
}

/** Whether a shallow copy is enough, so that a handler can change its copy without changing the next one. */
const isFlat = (dto: object): boolean => Object.values(dto).every((value) => typeof value !== 'object');

const copyOf = (dto: object): object => Object.assign(Object.create(Object.getPrototypeOf(dto) as object) as object, dto);

/** An instance of the DTO with its defaults, unchecked: for what was checked when it was stored. */
export const toInstance = <T extends object>(plain: object, metatype: Type<T>): T =>
  plainToInstance(metatype, plain, { exposeDefaultValues: true, exposeUnsetFields: false });

function check<T extends object>(plain: object, metatype: Type<T>): { dto: T; faults: FieldFault[] } {
  const dto = toInstance(plain, metatype);
  const errors = validateSync(dto, {
    whitelist: true,
    forbidNonWhitelisted: true,
    validationError: { target: false, value: false },
  });
  const faults = [...droppedKeys(plain, dto, ''), ...flatten(errors, '')];
  return { dto, faults: faults.slice(0, MAX_FAULTS) };
}

/** class-transformer skips members named like methods of Object (`toString`); here they count as unknown instead of vanishing. */
function droppedKeys(plain: unknown, instance: unknown, pointer: string): FieldFault[] {
  if (typeof plain !== 'object' || plain === null || typeof instance !== 'object' || instance === null || plain === instance) return [];
  return Object.keys(plain).flatMap((key): FieldFault[] => {
    const place = pointer + toPointer(key);
    if (!Object.hasOwn(instance, key)) return mayBeNull(instance, key) ? [] : [unknownField(key, place)];
    return droppedKeys(Reflect.get(plain, key), Reflect.get(instance, key), place);
  });
}

/** A value of the wrong type is told its type, and not that it is too large. */
const TYPE_RULES: ReadonlySet<string> = new Set(['isInt', 'isNumber', 'isBoolean', 'isString']);

/** One fault for each member that has some, and those of what is in it. */
function flatten(errors: readonly ValidationError[], parent: string): FieldFault[] {
  return errors.flatMap(({ property, value, constraints = {}, children = [] }): FieldFault[] => {
    const pointer = parent + toPointer(property);
    const rules = Object.keys(constraints);
    const rule = rules.find((each) => TYPE_RULES.has(each) || (each === THREE_DECIMALS && typeof value !== 'number')) ?? rules[0];
    const own =
      rule === undefined
        ? []
        : [rule === 'whitelistValidation' ? unknownField(property, pointer) : { pointer, detail: constraints[rule] ?? '' }];
    return [...own, ...flatten(children, pointer)];
  });
}

const unknownField = (key: string, pointer: string): FieldFault => ({ pointer, detail: `${shownName(key)} is not a known field` });

const sentence = (faults: readonly FieldFault[]): string => {
  const [first] = faults;
  const more = faults.length > 1 ? ` (and ${String(faults.length - 1)} more)` : '';
  return `${first?.detail ?? 'The request breaks a rule'}${more}.`;
};
