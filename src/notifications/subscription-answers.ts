import type { Answer } from '../common/http/answer';

/** A subscription was removed: there is nothing left to show. */
export const removedAnswer = (): Answer => ({ status: 204, body: undefined });

/** A test is on its way: the log shows what becomes of it. */
export const testAnswer = (): Answer => ({ status: 202, body: undefined });
