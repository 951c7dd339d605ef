import { ApplicationPair, inLanes, withoutLock } from '../support/application-pair';
import type { Answer, Client } from '../support/client';
import { deploy, type StatusView } from '../support/deployments-under-test';
import { isLinearizable, type Model, type Operation } from '../support/linearizability';

/** More of them before a release: `HISTORIES=1000 npx jest test/faults/linearizability`. */
const HISTORIES = Number(process.env.HISTORIES ?? '30');
const CONTROL_HISTORIES = 24;
const OPERATIONS = 25;
const CLIENTS = 5;
const LOST = 0.05;
const LANES = 3;

type Input = 'delete' | 'stop' | 'start' | 'status' | number;

interface State {
  readonly life: 'up' | 'stopped' | 'deleted';
  readonly target: number;
}

/** The contract of the verbs, in a few lines; a number scales. Pending, scheduled and running are one: the background moves between them. */
const deployment: Model<State, Input, string> = ({ life, target }, input) => {
  const stay = (output: string): { state: State; output: string } => ({ state: { life, target }, output });
  const become = (next: State['life']): { state: State; output: string } => ({ state: { life: next, target }, output: 'accepted' });
  if (input === 'status') return stay(`${life} ${String(target)}`);
  if (input === 'delete') return life === 'deleted' ? stay('already_deleted') : become('deleted');
  if (typeof input === 'number') {
    return life === 'deleted' ? stay('invalid_state') : { state: { life, target: input }, output: `${String(target)} to ${String(input)}` };
  }
  if (life === 'deleted') return stay('not_found');
  if (input === 'stop') return life === 'up' ? become('stopped') : stay('invalid_state');
  return life === 'stopped' ? become('up') : stay('invalid_state');
};

const ask = (client: Client, id: string, input: Input, options?: { timeoutMs: number }): Promise<Answer> => {
  if (input === 'status') return client.get(`/api/deployment/status/${id}?include_deleted=true`);
  if (input === 'delete') return client.delete(`/api/deployment/${id}?wait=0`, options);
  if (typeof input === 'number') return client.post(`/api/deployment/scale/${id}`, { replicas: input }, options);
  return client.post(`/api/deployment/${id}/${input}`, undefined, options);
};

/** The answer as the model says it; null for one that leaves open what happened. */
function meaning(input: Input, { status, body }: Answer): string | null {
  if (status >= 500) return null;
  if (status >= 400) return (body as { code: string }).code;
  if (input === 'status') {
    const { status: life, target_replicas: target } = body as StatusView;
    return `${['pending', 'scheduled', 'running'].includes(life) ? 'up' : life} ${String(target)}`;
  }
  if (typeof input !== 'number') return 'accepted';
  const { message } = body as { message: string };
  const [, changed = '0', direction] = /\((\d+) (added|removed)\)/.exec(message) ?? [];
  return `${String(input - Number(changed) * (direction === 'removed' ? -1 : 1))} to ${String(input)}`;
}

const chance = (share: number): boolean => Math.random() < share;

function anInput(): Input {
  const dice = Math.random();
  if (dice < 0.4) return 1 + Math.floor(Math.random() * 5);
  if (dice < 0.6) return 'status';
  if (dice < 0.75) return 'stop';
  return dice < 0.94 ? 'start' : 'delete';
}

interface History {
  readonly operations: Operation<Input, string>[];
  /** Answers of 500 and above. */
  readonly failures: number[];
}

/** Five clients, each with its operations one after the other, in turns through both applications. */
async function record(pair: ApplicationPair, index: number): Promise<History> {
  const id = await deploy(pair.client(index), `history-${String(index)}`);
  const failures: number[] = [];
  const operate = async (client: Client): Promise<Operation<Input, string>> => {
    const input = anInput();
    const calledAt = performance.now();
    const unknown = { input, calledAt, answeredAt: Infinity };
    const isLost = chance(LOST);
    const answer = await ask(client, id, input, isLost ? { timeoutMs: 1 + Math.random() * 10 } : undefined).catch(() => null);
    if (answer === null || isLost) return unknown;
    const output = meaning(input, answer);
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

const histories = (pair: ApplicationPair, count: number): Promise<History[]> => inLanes(count, LANES, (index) => record(pair, index));
const AT_FIRST: State = { life: 'up', target: 1 };
const isGood = ({ operations }: History): boolean => isLinearizable(operations, deployment, AT_FIRST);

describe(`histories of ${String(OPERATIONS)} operations by ${String(CLIENTS)} clients through two applications`, () => {
  let pair: ApplicationPair | undefined;
  afterEach(async () => {
    await pair?.stop();
    await pair?.drop();
    pair = undefined;
  });

  it(
    `are linearizable, all ${String(HISTORIES)} of them, though every twentieth answer is lost`,
    async () => {
      pair = await ApplicationPair.start({ env: { SIMULATED_DELAY_MS: '5' } });
      const recorded = await histories(pair, HISTORIES);
      expect(recorded.filter((history) => !isGood(history))).toEqual([]);
      expect(recorded.flatMap(({ failures }) => failures)).toEqual([]);
      const operations = recorded.flatMap((history) => history.operations);
      expect(operations).toHaveLength(HISTORIES * OPERATIONS);
      expect(operations.filter(({ output }) => output === undefined).length).toBeGreaterThan(0);
    },
    60_000 + HISTORIES * 1_000,
  );

  it('are not, when the lock is taken out', async () => {
    pair = await ApplicationPair.start({ env: { SIMULATED_DELAY_MS: '5' }, rewrite: withoutLock });
    const bad = (await histories(pair, CONTROL_HISTORIES)).filter((history) => !isGood(history)).length;
    expect(bad).toBeGreaterThan(0);
    if (process.env.HISTORIES) process.stdout.write(`without the lock: ${String(bad)} of ${String(CONTROL_HISTORIES)} not linearizable\n`);
  });
});
