import { getSchemaPath } from '@nestjs/swagger';
import { PROBLEMS, type ProblemCode } from '../common/problem/catalog';
import { ProblemDto } from '../common/problem/problem.dto';

/** An OpenAPI response object for problems of one status. */
interface ProblemResponse {
  readonly description: string;
  readonly headers?: Record<string, object>;
  readonly content: Record<string, { schema: { $ref: string }; examples: Record<string, { summary: string; value: unknown }> }>;
}

/** Headers that answers with this status carry; `headers.ts` describes them. */
const HEADERS: Readonly<Record<number, ProblemResponse['headers']>> = {
  401: { 'WWW-Authenticate': {} },
  423: { 'Retry-After': {} },
  429: { 'Retry-After': {} },
  503: { 'Retry-After': {} },
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
  const ofStatus = (status: number): ProblemCode[] => known.filter((code) => statusOf(code) === status);
  return new Map(known.map(statusOf).map((status) => [status, responseOf(status, ofStatus(status))]));
}

const statusOf = (code: ProblemCode): number => PROBLEMS[code].status;

function responseOf(status: number, codes: readonly ProblemCode[]): ProblemResponse {
  const headers = HEADERS[status];
  return {
    description: codes.map((code) => `${PROBLEMS[code].title} (\`${code}\`)`).join('; '),
    ...(headers ? { headers } : {}),
    content: {
      'application/problem+json': {
        schema: { $ref: getSchemaPath(ProblemDto) },
        examples: Object.fromEntries(codes.map((code) => [code, { summary: PROBLEMS[code].title, value: exampleOf(code) }])),
      },
    },
  };
}
