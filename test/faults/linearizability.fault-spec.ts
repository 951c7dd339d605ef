import { randomUUID } from 'node:crypto';
import { ApplicationPair, withoutLock } from '../support/application-pair';
import type { Answer, Client } from '../support/client';
import { deploy, remove, type StatusView } from '../support/deployments-under-test';
import { CLIENTS, histories, OPERATIONS, type Game, type History } from '../support/histories';
import { isLinearizable, type Model } from '../support/linearizability';

/** More of them before a release: `HISTORIES=1000 npx jest test/faults/linearizability`. */
const HISTORIES = Number(process.env.HISTORIES ?? '30');
const CONTROL_HISTORIES = 24;

/** A number means to scale, and a change is a patch that no other one is like. */
type Input = 'delete' | 'stop' | 'start' | 'restore' | 'change' | 'status' | number;

interface State {
  readonly life: 'up' | 'stopped' | 'deleted';
  readonly target: number;
  /** Each start and each restore begins a new one. */
  readonly generation: number;
  /** Its state at the deletion, which a restore brings back. */
  readonly before: 'up' | 'stopped';
  /** Each change makes a new one; which of them is current is up to the background. */
  readonly revision: number;
}

/** The contract of the verbs. Pending, scheduled and running count as one state, because the background moves deployments between them. */
const deployment: Model<State, Input, string> = (state, input) => {
  const { life, target, generation, before, revision } = state;
  const stay = (output: string): { state: State; output: string } => ({ state, output });
  if (input === 'status') return stay(`${life} ${String(target)}`);
  if (input === 'delete')
    return life === 'deleted' ? stay('already_deleted') : { state: { ...state, life: 'deleted', before: life }, output: 'accepted' };
  if (input === 'restore') {
    if (life !== 'deleted') return stay('not_deleted');
    return { state: { ...state, life: before, generation: generation + 1 }, output: `${before} as ${String(generation + 1)}` };
  }
  if (typeof input === 'number') {
    return life === 'deleted'
      ? stay('invalid_state')
      : { state: { ...state, target: input }, output: `${String(target)} to ${String(input)}` };
  }
  if (life === 'deleted') return stay('not_found');
  if (input === 'change') return { state: { ...state, revision: revision + 1 }, output: `revision ${String(revision + 1)}` };
  if (life !== (input === 'stop' ? 'up' : 'stopped')) return stay('conflict');
  if (input === 'stop') return { state: { ...state, life: 'stopped' }, output: 'accepted' };
  return { state: { ...state, life: 'up', generation: generation + 1 }, output: 'accepted' };
};

const ask = (client: Client, id: string, input: Input, options?: { timeoutMs: number }): Promise<Answer> => {
  if (input === 'status') return client.get(`/api/deployment/status/${id}?include_deleted=true`);
  if (input === 'delete') return client.delete(`/api/deployment/${id}?wait=0`, options);
  if (typeof input === 'number') return client.post(`/api/deployment/scale/${id}`, { replicas: input }, options);
  if (input === 'change') return client.patch(`/api/deployment/${id}`, { env: { CHANGE: randomUUID() } }, options);
  return client.post(`/api/deployment/${id}/${input}`, undefined, options);
};

/** The answer in the words of the model; null when it leaves open what happened. */
function meaning(input: Input, { status, body }: Answer): string | null {
  if (status >= 500) return null;
  if (status >= 400) return (body as { code: string }).code;
  if (input === 'status') {
    const { status: life, target_replicas: target } = body as StatusView;
    return `${['pending', 'scheduled', 'running'].includes(life) ? 'up' : life} ${String(target)}`;
  }
  if (input === 'restore') {
    const { status: life, generation } = body as { status: string; generation: number };
    return `${life === 'stopped' ? life : 'up'} as ${String(generation)}`;
  }
  if (input === 'change') return `revision ${String((body as { revision: number }).revision)}`;
  if (typeof input !== 'number') return 'accepted';
  const { message } = body as { message: string };
  const [, changed = '0', direction] = /\((\d+) (added|removed)\)/.exec(message) ?? [];
  return `${String(input - Number(changed) * (direction === 'removed' ? -1 : 1))} to ${String(input)}`;
}

function anInput(): Input {
  const dice = Math.random();
  if (dice < 0.25) return 1 + Math.floor(Math.random() * 5);
  if (dice < 0.38) return 'change';
  if (dice < 0.5) return 'status';
  if (dice < 0.64) return 'stop';
  if (dice < 0.78) return 'start';
  return dice < 0.88 ? 'restore' : 'delete';
}

const AT_FIRST: State = { life: 'up', target: 1, generation: 1, before: 'up', revision: 1 };
const isGood = ({ operations }: History<Input>): boolean => isLinearizable(operations, deployment, AT_FIRST);
const oneDeployment: Game<Input, string> = {
  begin: (pair, index) => deploy(pair.client(index), `history-${String(index)}`),
  ...{ anInput, ask, meaning },
};

type Twin = 0 | 1;
interface TwinInput {
  readonly verb: 'delete' | 'restore' | 'status';
  readonly twin: Twin;
}
/** Which of two deployments with one name is live; never both are. */
type TwinState = Twin | null;

const twins: Model<TwinState, TwinInput, string> = (living, { verb, twin }) => {
  const lives = living === twin;
  if (verb === 'status') return { state: living, output: lives ? 'lives' : 'deleted' };
  if (verb === 'delete') return lives ? { state: null, output: 'accepted' } : { state: living, output: 'already_deleted' };
  if (lives) return { state: living, output: 'not_deleted' };
  return living === null ? { state: twin, output: 'accepted' } : { state: living, output: 'name_taken' };
};

/** The first is deleted when the second takes its name. */
const twoOfOneName: Game<TwinInput, readonly [string, string]> = {
  begin: async (pair, index) => {
    const name = `twins-${String(index)}`;
    const first = await deploy(pair.client(index), name);
    await remove(pair.client(index), first);
    return [first, await deploy(pair.client(index), name)];
  },
  anInput: () => {
    const dice = Math.random();
    return { verb: dice < 0.45 ? 'restore' : dice < 0.85 ? 'delete' : 'status', twin: Math.random() < 0.5 ? 0 : 1 };
  },
  ask: (client, ids, { verb, twin }, options) =>
    verb === 'restore' ? client.post(`/api/deployment/${ids[twin]}/restore`, undefined, options) : ask(client, ids[twin], verb, options),
  meaning: ({ verb }, { status, body }) => {
    if (status >= 500) return null;
    if (status >= 400) return (body as { code: string }).code;
    if (verb !== 'status') return 'accepted';
    return (body as StatusView).status === 'deleted' ? 'deleted' : 'lives';
  },
};
const isGoodTwin = ({ operations }: History<TwinInput>): boolean => isLinearizable(operations, twins, 1);
/** Removes what stops two simultaneous restores from both finding the name free. */
const WITHOUT_NAMES = ['DROP INDEX uq_deployments_live_name'];

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
      const recorded = await histories(pair, HISTORIES, oneDeployment);
      expect(recorded.filter((history) => !isGood(history))).toEqual([]);
      expect(recorded.flatMap(({ failures }) => failures)).toEqual([]);
      const operations = recorded.flatMap((history) => history.operations);
      expect(operations).toHaveLength(HISTORIES * OPERATIONS);
      // Unless deployments were restored and changed, and more than once, these histories say nothing about that.
      expect(operations.filter(({ output }) => / as [3-9]/.test(output ?? '')).length).toBeGreaterThan(0);
      expect(operations.filter(({ output }) => /^revision [4-9]/.test(output ?? '')).length).toBeGreaterThan(0);
      expect(operations.filter(({ output }) => output === undefined).length).toBeGreaterThan(0);
    },
    120_000 + HISTORIES * 6_000,
  );

  it('are not, when the lock is taken out', async () => {
    pair = await ApplicationPair.start({ env: { SIMULATED_DELAY_MS: '5' }, rewrite: withoutLock });
    const bad = (await histories(pair, CONTROL_HISTORIES, oneDeployment)).filter((history) => !isGood(history)).length;
    expect(bad).toBeGreaterThan(0);
    if (process.env.HISTORIES) process.stdout.write(`without the lock: ${String(bad)} of ${String(CONTROL_HISTORIES)} not linearizable\n`);
  });

  it(
    `of two deployments with one name are linearizable, all ${String(HISTORIES)} of them`,
    async () => {
      pair = await ApplicationPair.start({ env: { SIMULATED_DELAY_MS: '5' } });
      const recorded = await histories(pair, HISTORIES, twoOfOneName);
      expect(recorded.filter((history) => !isGoodTwin(history))).toEqual([]);
      expect(recorded.flatMap(({ failures }) => failures)).toEqual([]);
      const outputs = recorded.flatMap(({ operations }) => operations.map(({ input, output }) => `${input.verb} ${output ?? 'lost'}`));
      expect(outputs).toEqual(expect.arrayContaining(['restore accepted', 'restore name_taken', 'restore not_deleted', 'restore lost']));
    },
    120_000 + HISTORIES * 6_000,
  );

  it('of two deployments with one name are not, when nothing keeps names apart', async () => {
    pair = await ApplicationPair.start({ env: { SIMULATED_DELAY_MS: '5' }, sabotage: WITHOUT_NAMES });
    const bad = (await histories(pair, CONTROL_HISTORIES, twoOfOneName)).filter((history) => !isGoodTwin(history)).length;
    expect(bad).toBeGreaterThan(0);
    if (process.env.HISTORIES)
      process.stdout.write(`without unique names: ${String(bad)} of ${String(CONTROL_HISTORIES)} not linearizable\n`);
  });
});
