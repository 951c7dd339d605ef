/** The answer to a request that succeeded. */
export interface Answer {
  readonly status: number;
  /** Undefined: the answer has no body. */
  readonly body: unknown;
  /** The `Location` header. */
  readonly location?: string;
  /** Headers that are true only now, such as `ETag`. The answer to a repeated request leaves them out. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** 204 without a body, whatever the outcome. */
export const noContent = (): Answer => ({ status: 204, body: undefined });
