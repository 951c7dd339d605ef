/** What a request that succeeded is answered with. */
export interface Answer {
  readonly status: number;
  /** Undefined: the answer has no body. */
  readonly body: unknown;
  /** The `Location` header. */
  readonly location?: string;
  /** Headers that belong to the moment, such as `ETag`. The answer to a repeated request goes without them. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer where there is nothing to say: 204 without a body, whatever the outcome. */
export const noContent = (): Answer => ({ status: 204, body: undefined });
