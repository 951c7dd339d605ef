import type { ServerResponse } from 'node:http';

const ANSWERS = {
  'unknown host': { status: 404, words: 'no deployment is reached at this address' },
  'bad request': { status: 400, words: 'this is no request for a host and a path' },
  'no replica': { status: 503, words: 'no healthy replica of this deployment is there to answer now' },
  simulated: { status: 503, words: 'the replicas of this deployment are simulated, so nothing runs that could answer' },
  unreachable: { status: 502, words: 'the replica did not answer' },
  timeout: { status: 504, words: 'the replica did not answer in time' },
} as const;

export type Answer = keyof typeof ANSWERS;

/** The status code and the one line that says who answers instead of a deployment. */
export const wordsOf = (answer: Answer): { readonly status: number; readonly line: string } => ({
  status: ANSWERS[answer].status,
  line: `fog-compute router: ${ANSWERS[answer].words}\n`,
});

/** Answers instead of a deployment, and returns the status code. A 503 asks the client to come again in a second. */
export function answerInWords(response: ServerResponse, answer: Answer): number {
  const { status, line } = wordsOf(answer);
  response
    .writeHead(status, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(line),
      ...(status === 503 ? { 'retry-after': '1' } : {}),
    })
    .end(line);
  return status;
}
