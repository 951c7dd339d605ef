import type { OpenAPIObject } from '@nestjs/swagger';
import { changesNothing } from '../common/http/changes-nothing';
import { commonCodes } from './common-codes';
import { problemResponses } from './problem-responses';
import type { RouteFacts } from './route-facts';
import { isOpenToBound } from '../rights/bound-tokens';

/** Under this name markRoutes leaves the facts of a route on its operation; completeDocument takes them away. */
export const MARK = 'x-route-facts';

type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['get']>;

const METHODS = ['get', 'post', 'patch', 'put', 'delete'] as const;

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    '1 to 255 printable ASCII characters, best a random UUID. A repeated request with the same key gets the first answer again ' +
    'for 24 h (with `Idempotency-Replayed: true`) and changes nothing twice.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
} as const;

/** Adds to every operation what the guards, filters and interceptors do for all (security, idempotency keys), and its problems. */
export function completeDocument(document: OpenAPIObject): OpenAPIObject {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation) complete(operation, method, path);
    }
  }
  return document;
}

function complete(operation: Operation, method: (typeof METHODS)[number], path: string): void {
  const { ownCodes, ...facts } = takeFacts(operation);
  if (facts.isPublic) operation.security = [];
  const route = {
    ...facts,
    isGet: method === 'get',
    isQuestion: changesNothing(method.toUpperCase(), path),
    isOpenToBound: isOpenToBound(method.toUpperCase(), path),
    hasBody: operation.requestBody !== undefined,
    hasParameters: placesOf(operation).some((place) => place === 'path' || place === 'query'),
  };
  if (facts.takesKey) operation.parameters = [...(operation.parameters ?? []), IDEMPOTENCY_KEY];
  // Probes are exempt from guards and limits, so the routes of health name all their codes themselves.
  const common = operation.tags?.includes('health') ? [] : commonCodes(route);
  for (const [status, response] of problemResponses([...ownCodes, ...common])) operation.responses[String(status)] ??= response;
}

function takeFacts(operation: Operation): RouteFacts {
  const facts = Reflect.get(operation, MARK) as RouteFacts;
  Reflect.deleteProperty(operation, MARK);
  return facts;
}

const placesOf = ({ parameters = [] }: Operation): string[] => parameters.flatMap((parameter) => ('in' in parameter ? parameter.in : []));
