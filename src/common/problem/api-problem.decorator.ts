import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { PROBLEMS, type ProblemCode } from './catalog';
import { ProblemDto } from './problem.dto';

export const PROBLEM_TYPE = 'application/problem+json';

/** An OpenAPI response object for problems of one status. */
export interface ProblemResponse {
  readonly description: string;
  readonly headers?: Record<string, { description: string; schema: { type: 'string' | 'integer' } }>;
  readonly content: Record<string, { schema: { $ref: string }; examples: Record<string, { summary: string; value: unknown }> }>;
}

const SECONDS = { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' as const } } };
/** Headers that every answer with this status carries. */
const HEADERS: Readonly<Record<number, ProblemResponse['headers']>> = {
  401: { 'WWW-Authenticate': { description: 'Always `Bearer`.', schema: { type: 'string' } } },
  423: SECONDS,
  429: SECONDS,
};

const exampleOf = (code: ProblemCode): unknown => ({
  type: `urn:fog-compute:problem:${code}`,
  title: PROBLEMS[code].title,
  status: PROBLEMS[code].status,
  detail: PROBLEMS[code].advice,
  instance: '/api/…',
  code,
  request_id: '0b6f6a3e-6c1b-4c0e-9f5c-2f6a1c9d7e10',
});

/** The OpenAPI responses of these codes by status, with one example per code. */
export function problemResponses(codes: readonly ProblemCode[]): Map<number, ProblemResponse> {
  const known = [...new Set(codes)];
  const statuses = [...new Set(known.map((code) => PROBLEMS[code].status))];
  return new Map(
    statuses.map((status) => [
      status,
      responseOf(
        status,
        known.filter((code) => PROBLEMS[code].status === status),
      ),
    ]),
  );
}

function responseOf(status: number, codes: readonly ProblemCode[]): ProblemResponse {
  const headers = HEADERS[status];
  return {
    description: codes.map((code) => `${PROBLEMS[code].title} (\`${code}\`)`).join('; '),
    ...(headers ? { headers } : {}),
    content: {
      [PROBLEM_TYPE]: {
        schema: { $ref: getSchemaPath(ProblemDto) },
        examples: Object.fromEntries(codes.map((code) => [code, { summary: PROBLEMS[code].title, value: exampleOf(code) }])),
      },
    },
  };
}

/**
 * Documents the error codes of a route. State all codes of one status in the same call. What every route can answer
 * (401, 429, 500, 503 and the codes of idempotency keys) is added to the document by itself.
 */
export function ApiProblem(...codes: ProblemCode[]): MethodDecorator & ClassDecorator {
  const responses = [...problemResponses(codes)].map(([status, response]) => ApiResponse({ status, ...response }));
  return applyDecorators(ApiExtraModels(ProblemDto), ...responses);
}
