import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import {
  deploy,
  inStatus,
  remove,
  statusOf,
  untilHealthy,
  untilNoWork,
  type ReplicaView,
  type StatusView,
} from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import type { FaultProxy } from '../support/fault-proxy';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

/** While the engine is away a delete only decides. The rest of its time is the wait that the request asked for. */
const DECIDES_WITHIN_MS = 1_500;

interface Away {
  readonly name: string;
  begin(proxy: FaultProxy): Promise<void>;
}

const WAYS: readonly Away[] = [
  { name: 'refuses connections', begin: (proxy) => proxy.cut() },
  {
    name: 'does not answer',
    begin: (proxy) => {
      proxy.freeze();
      return Promise.resolve();
    },
  },
];

/** Without replicas of an attempt whose node was still offline from before. */
const current = ({ replicas }: StatusView): readonly ReplicaView[] => replicas.filter(({ status }) => status !== 'failed');

describeWithEngine('an engine that goes away and comes back', () => {
  let product: ProductOnDocker;
  let client: Client;

  beforeAll(async () => {
    product = await ProductOnDocker.start();
    ({ client } = product);
  });

  afterAll(() => product?.close(), 60_000);

  describe.each(WAYS)('that $name', ({ name, begin }) => {
    let kept: string;
    let deleted: string;

    beforeAll(async () => {
      const tag = name.replaceAll(' ', '-');
      [kept, deleted] = await Promise.all([
        deploy(client, `kept-${tag}`, onDocker({ replicas: 2 })),
        deploy(client, `deleted-${tag}`, onDocker({ replicas: 3 })),
      ]);
      for (const id of [kept, deleted]) await untilHealthy(client, id, 30_000);
      await begin(product.engine);
    });

    it('lets a delete decide at once and answer 202', async () => {
      const answer = await remove(client, deleted, '?wait=0');
      expect(answer).toMatchObject({
        status: 202,
        body: { status: 'deleted', replicas_stopped: 0, replicas_stopping: 3, resources_released: false },
      });
      expect(answer.ms).toBeLessThan(DECIDES_WITHIN_MS);
      expect((await product.containers(deleted)).map(({ State: state }) => state)).toEqual(['running', 'running', 'running']);
    });

    it('is named as the reason why the teardown waits', async () => {
      const view = await until(
        async () => {
          const seen = await statusOf(client, deleted);
          return seen.work?.last_error ? seen : null;
        },
        { what: 'work.last_error' },
      );
      expect(view.status).toBe('deleted');
      expect(view.work?.last_error).toMatch(/does not answer/);
      expect(view.work?.stuck_since).not.toBeNull();
      expect(inStatus(view, 'stopping')).toHaveLength(3);
    });

    it('makes the status of other deployments say that nothing can be confirmed, and starts nothing twice', async () => {
      const view = await until(
        async () => {
          const seen = await statusOf(client, kept);
          return seen.replicas.every(({ confirmed }) => !confirmed) ? seen : null;
        },
        { what: 'the silence to be shown' },
      );
      expect(view).toMatchObject({ status: 'running', health: 'degraded' });
      expect(view.health_reasons.join()).toMatch(/cannot be confirmed/);
      expect(inStatus(view, 'running')).toHaveLength(2);
      expect(current(view)).toHaveLength(2);
    });

    it('finishes the teardown by itself when it is back, and all is healthy again', async () => {
      const before = (await product.containers(kept)).map(({ Id }) => Id).sort();
      const begun = performance.now();
      await product.engine.restore();
      await until(async () => (await product.containers(deleted)).length === 0, { what: 'the teardown' });
      const view = await untilNoWork(client, deleted);
      process.stdout.write(
        `engine that ${name}: the teardown was finished ${Math.round(performance.now() - begun)} ms after it came back\n`,
      );
      expect(current(view).map(({ status }) => status)).toEqual(['stopped', 'stopped', 'stopped']);
      await untilHealthy(client, kept);
      expect((await product.containers(kept)).map(({ Id }) => Id).sort()).toEqual(before);
      expect(await remove(client, kept)).toMatchObject({ status: 200, body: { replicas_stopped: 2, resources_released: true } });
      expect(await checkInvariants(product.dataSource, { graceSeconds: 0 })).toEqual([]);
    });
  });
});
