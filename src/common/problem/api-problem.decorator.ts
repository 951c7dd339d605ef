import type { ProblemCode } from './catalog';

const OWN_CODES = 'problem:own-codes';

/**
 * Documents the error codes that a route gives by itself, over a method or for all routes of a controller. What guards,
 * filters, interceptors and the reading of requests give is not named: `src/openapi/common-codes.ts` adds it.
 */
export function ApiProblem(...codes: ProblemCode[]): MethodDecorator & ClassDecorator {
  return (target: object, _name?: string | symbol, descriptor?: { readonly value?: unknown }): void => {
    const place = descriptor ? (descriptor.value as object) : target;
    Reflect.defineMetadata(OWN_CODES, [...codes, ...ownCodes(place)], place);
  };
}

/** The codes that `ApiProblem` names for this controller or method. */
export const ownCodes = (place: object): readonly ProblemCode[] =>
  (Reflect.getMetadata(OWN_CODES, place) as readonly ProblemCode[] | undefined) ?? [];
