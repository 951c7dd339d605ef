import { HttpException } from '@nestjs/common';
import { boundedFaults, boundedMembers, boundedText } from './bounded-words';
import { PROBLEMS, type ProblemCode } from './catalog';
import { DomainError, type FieldFault, type ProblemExtensions } from './domain-error';

/** An RFC 9457 problem without what only the request knows (`instance`, `request_id`). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly errors?: readonly FieldFault[];
  readonly [member: string]: unknown;
}

export interface ProblemAnswer {
  readonly problem: Problem;
  /** The headers that belong to the problem, such as `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What an error of the database means to the caller. The database layer passes it in, because this room may not import
 * that one.
 */
export type DatabaseErrorReader = (error: unknown) => 'unavailable' | 'duplicate' | 'bad_value' | undefined;

export interface ProblemOptions {
  readonly readDatabaseError: DatabaseErrorReader;
  /** How the detail of a 500 begins. */
  readonly failureWords?: string;
}

const ADVICE = 'an internal error occurred. Report the request id to your administrator.';
const UNAVAILABLE_RETRY_SECONDS = 2;
/** When to try again, where nothing more exact is known. docs/errors.md promises `Retry-After` with these codes. */
const RETRY_SECONDS: Readonly<Partial<Record<ProblemCode, number>>> = {
  idempotency_in_progress: 1,
  account_locked: 60,
  rate_limited: 60,
  insufficient_nodes: 10,
  try_again: UNAVAILABLE_RETRY_SECONDS,
};

/** Decides how an error is answered. Only a DomainError keeps its own words, so no other error can leak any. */
export function toProblem(error: unknown, { readDatabaseError, failureWords }: ProblemOptions): ProblemAnswer {
  if (error instanceof DomainError) return build(error.code, error.detail, error.extensions);
  switch (readDatabaseError(error)) {
    case 'unavailable':
      return build('try_again', 'The database does not answer or is busy. Please try again.', {
        retryAfterSeconds: UNAVAILABLE_RETRY_SECONDS,
      });
    case 'duplicate':
      return build('already_exists', 'Something with the same unique value exists already.');
    case 'bad_value':
      return build('invalid_request', 'A value of the request cannot be stored.');
    case undefined:
      break;
  }
  const status = clientStatusOf(error);
  if (status !== undefined)
    return build(CODE_BY_STATUS[status] ?? 'invalid_request', DETAIL_BY_STATUS[status] ?? 'The request is not valid.', {
      ...(status === 415 ? { headers: { Accept: 'application/json' } } : {}),
    });
  return build('internal', failureWords === undefined ? ADVICE.replace('an', 'An') : `${failureWords}: ${ADVICE}`);
}

const CODE_BY_STATUS: Readonly<Record<number, ProblemCode>> = {
  401: 'unauthenticated',
  403: 'admin_required',
  404: 'not_found',
  413: 'payload_too_large',
  414: 'invalid_request',
  415: 'unsupported_media_type',
  422: 'validation_failed',
  429: 'rate_limited',
};
const DETAIL_BY_STATUS: Readonly<Record<number, string>> = {
  401: 'Not authenticated',
  403: 'Not allowed',
  404: 'There is nothing at this address.',
  413: 'The body is larger than 256 kB, or 2 MB for a bulk deploy.',
  414: 'The address is too long.',
  415: 'Send the body as `Content-Type: application/json` in UTF-8.',
  422: 'The request breaks a rule.',
  429: 'Too many requests.',
};

/** The status of a refusal by Nest or Fastify. Their own 5xx are faults of ours and stay 500. */
function clientStatusOf(error: unknown): number | undefined {
  const status: unknown =
    error instanceof HttpException
      ? error.getStatus()
      : error instanceof Error && isFastifyError(error)
        ? Reflect.get(error, 'statusCode')
        : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

/** Only Fastify's own codes count, because an error of another library may carry the `statusCode` of a call that we made. */
function isFastifyError(error: Error): boolean {
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' && code.startsWith('FST_');
}

const build = (code: ProblemCode, detail: string, extensions: ProblemExtensions = {}): ProblemAnswer => ({
  problem: problemOf({ code, detail, extensions }),
  headers: headersOf(code, extensions),
});

/** The problem of a refusal, as it stands in an answer of its own or in a list of results. */
export function problemOf({ code, detail, extensions }: Pick<DomainError, 'code' | 'detail' | 'extensions'>): Problem {
  const { status, title } = PROBLEMS[code];
  const { errors, members } = extensions;
  return {
    ...boundedMembers(members ?? {}),
    type: `urn:fog-compute:problem:${code}`,
    title,
    status,
    detail: boundedText(detail),
    code,
    ...(errors && errors.length > 0 ? { errors: boundedFaults(errors) } : {}),
  };
}

/** Whoever is told to wait is told for how long, also where the error itself does not know. */
function headersOf(code: ProblemCode, { headers, retryAfterSeconds }: ProblemExtensions): Record<string, string> {
  const seconds = retryAfterSeconds ?? RETRY_SECONDS[code];
  return {
    ...headers,
    ...(seconds === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(seconds))) }),
  };
}
