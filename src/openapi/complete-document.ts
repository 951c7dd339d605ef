import type { OpenAPIObject } from '@nestjs/swagger';
import { PROBLEM_TYPE, problemResponses, type ProblemResponse } from '../common/problem/api-problem.decorator';
import type { ProblemCode } from '../common/problem/catalog';

/** The marks that markRoutes puts on an operation. completeDocument reads and removes them. */
export const MARKS = { public: 'x-public', idempotent: 'x-idempotent' } as const;

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

/** Adds to every operation what the guards, filters and interceptors do for all: security, idempotency keys, common problems. */
export function completeDocument(document: OpenAPIObject): OpenAPIObject {
  for (const item of Object.values(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation) complete(operation, method);
    }
  }
  return document;
}

function complete(operation: Operation, method: (typeof METHODS)[number]): void {
  const isPublic = takeMark(operation, MARKS.public);
  const takesKey = takeMark(operation, MARKS.idempotent);
  const codes: ProblemCode[] = ['rate_limited', 'internal', 'try_again'];
  if (isPublic) operation.security = [];
  else codes.push('unauthenticated', 'inactive_user');
  if (!isPublic && method !== 'get') codes.push('read_only_token');
  // A body is read before it is known whether the route takes one, and an address is decoded before it is matched.
  if (method !== 'get') codes.push('malformed_json', 'payload_too_large', 'unsupported_media_type');
  if (operation.requestBody) codes.push('validation_failed');
  if (takesKey || operation.parameters?.some((parameter) => 'in' in parameter && parameter.in === 'path')) codes.push('invalid_request');
  if (takesKey) {
    const own = (operation.parameters ?? []).filter((parameter) => !('name' in parameter && parameter.name === IDEMPOTENCY_KEY.name));
    operation.parameters = [...own, IDEMPOTENCY_KEY];
    codes.push('idempotency_in_progress', 'idempotency_key_reused');
  }
  if (!operation.tags?.includes('health'))
    for (const [status, response] of problemResponses(codes)) merge(operation, String(status), response);
}

function takeMark(operation: Operation, mark: string): boolean {
  const marked = Reflect.get(operation, mark) === true;
  Reflect.deleteProperty(operation, mark);
  return marked;
}

/** Keeps the responses that the route itself documents, and adds the codes that it does not name. */
function merge(operation: Operation, status: string, addition: ProblemResponse): void {
  const present = operation.responses[status] as Partial<ProblemResponse> | undefined;
  const examples = present?.content?.[PROBLEM_TYPE]?.examples;
  const added = addition.content[PROBLEM_TYPE]?.examples ?? {};
  if (!present || !examples) {
    operation.responses[status] ??= addition;
    return;
  }
  const missing = Object.entries(added).filter(([code]) => !(code in examples));
  if (missing.length === 0) return;
  Object.assign(examples, Object.fromEntries(missing));
  const words = missing.map(([code, { summary }]) => `${summary} (\`${code}\`)`);
  operation.responses[status] = { ...present, description: [present.description, ...words].join('; ') };
}
