import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../support/client';
import { deploy, statusOf, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

interface RolloutBody {
  readonly state: string;
  readonly reason: string | null;
  readonly revision: number;
  readonly finished_at: string | null;
}

const serving = (version: string): string[] => ['sh', '-c', `echo ${version}; trap 'exit 0' TERM; while :; do sleep 0.1; done`];

/** What the engine itself shows while one revision takes the place of another. */
describeWithEngine('rollouts on a real Docker Engine', () => {
  let product: ProductOnDocker;
  let client: Client;
  let id: string;
  beforeAll(async () => {
    product = await ProductOnDocker.start();
    ({ client } = product);
    const policy = { min_healthy_seconds: 1 };
    id = await deploy(client, 'rolling', onDocker({ replicas: 3, command: serving('one'), rollout: policy }));
    await untilHealthy(client, id, 30_000);
  });
  afterAll(() => product?.close(), 60_000);

  const patch = async (body: object): Promise<void> => {
    const answer = await client.patch(`/api/deployment/${id}`, body);
    expect([answer.status, answer.body]).toMatchObject([202, { success: true, status: 'running' }]);
  };
  const finished = async (): Promise<RolloutBody> =>
    until(
      async () => {
        const { body } = await client.get(`/api/deployment/${id}/rollout`);
        return (body as RolloutBody).finished_at === null ? null : (body as RolloutBody);
      },
      { timeoutMs: 60_000, what: 'the rollout to be finished' },
    );
  const running = async (): Promise<string[]> =>
    (await product.containers(id)).filter(({ State: state }) => state === 'running').map(({ Command: command }) => command);

  /** How many containers run, seen at the engine until `end`. */
  async function fewestAndMost(end: Promise<unknown>): Promise<{ fewest: number; most: number }> {
    const seen = { fewest: Infinity, most: 0 };
    let goesOn = true;
    void end.finally(() => (goesOn = false));
    while (goesOn) {
      const { length } = await running();
      seen.fewest = Math.min(seen.fewest, length);
      seen.most = Math.max(seen.most, length);
      await sleep(20);
    }
    return seen;
  }

  it('replaces one container after the other, and never has fewer running than wanted', async () => {
    await patch({ command: serving('two') });
    const [rollout, seen] = await Promise.all([finished(), fewestAndMost(finished())]);
    expect(rollout).toMatchObject({ state: 'completed', revision: 2 });
    expect(seen.fewest).toBe(3);
    // A container that is being stopped is not one of the wanted ones any more, but it is still there.
    expect(seen.most).toBeLessThanOrEqual(5);
    await until(async () => (await running()).length === 3, { what: 'the old containers to be gone' });
    expect((await running()).every((command) => command.includes('echo two'))).toBe(true);
  });

  it('goes back from a command that does not exist, with the words of the engine, and nothing is disturbed', async () => {
    await until(async () => (await product.containers(id)).length === 3, { what: 'the containers of before to be gone' });
    const before = (await product.containers(id)).map(({ Id }) => Id).sort();
    await patch({ command: ['/no/such/program'] });
    const [rollout, seen] = await Promise.all([finished(), fewestAndMost(finished())]);
    expect(rollout).toMatchObject({ state: 'rolled_back', revision: 3, reason: expect.stringMatching(/no\/such\/program|not found/i) });
    expect(seen.fewest).toBe(3);
    await until(async () => (await product.containers(id)).length === 3, { what: 'the failed containers to be gone' });
    expect((await product.containers(id)).map(({ Id }) => Id).sort()).toEqual(before);
    const view = await statusOf(client, id);
    expect([view.status, view.health]).toEqual(['running', 'healthy']);
  });

  it('goes back from a program that ends at once, after three failures in a row', async () => {
    await patch({ command: ['sh', '-c', 'echo broken; exit 7'] });
    const rollout = await finished();
    expect(rollout).toMatchObject({ state: 'rolled_back', reason: expect.stringMatching(/Exited with code 7.*last line: broken/) });
    await until(async () => (await running()).length === 3, { what: 'the three of before' });
    expect((await running()).every((command) => command.includes('echo two'))).toBe(true);
  });

  it('replaces all containers on a restart, with the same revision', async () => {
    const before = new Set((await product.containers(id)).map(({ Id }) => Id));
    const answer = await client.post(`/api/deployment/${id}/restart`, {});
    expect(answer.status).toBe(202);
    expect(await finished()).toMatchObject({ state: 'completed', revision: 2 });
    await until(async () => (await product.containers(id)).length === 3, { what: 'the old containers to be gone' });
    expect((await product.containers(id)).filter(({ Id }) => before.has(Id))).toEqual([]);
  });
});
