import { inLanes, type ApplicationPair } from './application-pair';
import type { Answer, Client } from './client';
import type { Operation } from './linearizability';

export const OPERATIONS = 25;
export const CLIENTS = 5;
const LOST = 0.05;
const LANES = 3;

/** What clients do to the objects of one history. */
export interface Game<Input, Ids> {
  begin(pair: ApplicationPair, index: number): Promise<Ids>;
  anInput(): Input;
  ask(client: Client, ids: Ids, input: Input, options?: { timeoutMs: number }): Promise<Answer>;
  /** The answer in the model's words; null for an answer that does not tell what happened. */
  meaning(input: Input, answer: Answer): string | null;
}

export interface History<Input> {
  readonly operations: Operation<Input, string>[];
  /** The status codes of 500 and above. */
  readonly failures: number[];
}

/** Five clients, each with its operations one after the other, taking turns between both applications. */
async function record<Input, Ids>(pair: ApplicationPair, index: number, game: Game<Input, Ids>): Promise<History<Input>> {
  const ids = await game.begin(pair, index);
  const failures: number[] = [];
  const operate = async (client: Client): Promise<Operation<Input, string>> => {
    const input = game.anInput();
    const calledAt = performance.now();
    const unknown = { input, calledAt, answeredAt: Infinity };
    const isLost = Math.random() < LOST;
    const answer = await game.ask(client, ids, input, isLost ? { timeoutMs: 1 + Math.random() * 10 } : undefined).catch(() => null);
    if (answer === null || isLost) return unknown;
    const output = game.meaning(input, answer);
    if (output !== null) return { input, output, calledAt, answeredAt: performance.now() };
    failures.push(answer.status);
    return unknown;
  };
  const operations = await Promise.all(
    Array.from({ length: CLIENTS }, async (_unused, n) => {
      const own: Operation<Input, string>[] = [];
      while (own.length < OPERATIONS / CLIENTS) own.push(await operate(pair.client(n)));
      return own;
    }),
  );
  return { operations: operations.flat(), failures };
}

/** Records several histories at a time, each on objects of its own. */
export const histories = <Input, Ids>(pair: ApplicationPair, count: number, game: Game<Input, Ids>): Promise<History<Input>[]> =>
  inLanes(count, LANES, (index) => record(pair, index, game));
