/** By the first digit of the status code; `gone`: the client left before there was an answer. */
export const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'gone'] as const;
type StatusClass = (typeof STATUS_CLASSES)[number];

/** In seconds: from a request to the head of its answer. */
export const ANSWER_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

/** What passes through a balancer, counted since it started. */
export interface Traffic {
  readonly requests: ReadonlyMap<StatusClass, number>;
  readonly openConnections: number;
  /** Null where it does not tell. `counts` has one for each of `ANSWER_BOUNDS`, and one more for what took longer. */
  readonly answerSeconds: { readonly counts: readonly number[]; readonly sum: number } | null;
}
