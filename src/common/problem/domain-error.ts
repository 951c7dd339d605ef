import { PROBLEMS, type ProblemCode } from './catalog';

export interface ProblemExtensions {
  /** Seconds; becomes the Retry-After header. */
  readonly retryAfterSeconds?: number;
  /** Further headers of the answer, such as `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly FieldFault[];
  /** Further members of the problem document, snake_case. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** One fault of the input: a JSON pointer (RFC 6901) into the body, or the name of the parameter, and a sentence. */
export interface FieldFault {
  readonly pointer: string;
  readonly detail: string;
}

/** The only error that is thrown on purpose. `code` is for programs, `detail` a sentence for people. */
export class DomainError extends Error {
  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly extensions: ProblemExtensions = {},
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.name = 'DomainError';
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}
