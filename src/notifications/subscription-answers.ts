import type { Answer } from '../common/http/answer';

/** The answer to the removal of a subscription: no body. */
export const removedAnswer = (): Answer => ({ status: 204, body: undefined });

/** The answer to the request for a test. The log of the subscription shows its result. */
export const testAnswer = (): Answer => ({ status: 202, body: undefined });
