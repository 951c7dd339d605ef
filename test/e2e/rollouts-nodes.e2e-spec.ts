import { change, liveRevisions, rolloutEnds, rolloutOf } from '../support/changes';
import { deployed, statusOf } from '../support/deployments';
import { watchReplicas } from '../support/rollouts';
import { SimulatedEngine } from '../support/simulated-engine';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('a rollout while nodes come and go', () => {
  let t: TestApp;
  let engine: SimulatedEngine;
  beforeAll(async () => {
    const lost = { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '4', NODE_LOST_AFTER_SECONDS: '4', STOP_GRACE_SECONDS: '0' };
    t = await startTestApp({ env: lost });
    engine = new SimulatedEngine(t.dataSource);
  });
  afterAll(() => t?.close());

  const running = async (id: string) => (await statusOf(t, 'ada', id)).replicas.filter(({ status }) => status === 'running');
  /** In the middle of a rollout of three replicas, of which one new one serves; and the node of a replica of this revision. */
  const halfWay = async (revision: number): Promise<{ id: string; node: string }> => {
    const id = await deployed(t, 'ada', { replicas: 3, rollout: { min_healthy_seconds: 3 } });
    await change(t, 'ada', id, { container_image: 'nginx:1.28' }).expect(202);
    await until(async () => (await rolloutOf(t, 'ada', id)).healthy_replicas > 0, { what: 'a new replica to serve' });
    const found = (await running(id)).find((replica) => replica.revision === revision);
    expect(await rolloutOf(t, 'ada', id)).toMatchObject({ state: 'progressing' });
    return { id, node: found!.node_id };
  };
  /** All replicas are new ones, and none is on that node. */
  const hasMoved = (id: string, from: string): Promise<unknown> =>
    until(
      async () => {
        const replicas = await running(id);
        return replicas.length === 3 && replicas.every(({ revision, node_id: node }) => revision === 2 && node !== from);
      },
      { what: 'three new replicas elsewhere' },
    );

  it.each([
    ['new', 2],
    ['old', 1],
  ])('goes on when the node of a %s replica drains, without fewer than wanted', async (_what, revision) => {
    const { id, node } = await halfWay(revision);
    const watch = watchReplicas(t, id);
    await t.as('root', { admin: true }).patch(`/api/nodes/${node}`).send({ draining: true }).expect(200);
    await rolloutEnds(t, 'ada', id, 'completed');
    await hasMoved(id, node);
    expect((await watch.end()).fewest).toBeGreaterThanOrEqual(3);
    expect(await liveRevisions(t, 'ada', id)).toEqual([2, 2, 2]);
    await t.as('root', { admin: true }).patch(`/api/nodes/${node}`).send({ cordoned: false }).expect(200);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
  });

  it.each([
    ['new', 2],
    ['old', 1],
  ])('goes on when the node of a %s replica is lost, and counts nothing on it', async (_what, revision) => {
    const { id, node } = await halfWay(revision);
    await engine.setUnreachable(node, true);
    await rolloutEnds(t, 'ada', id, 'completed');
    await hasMoved(id, node);
    // On a busy machine a node is heard late now and then, and what it runs does not count meanwhile.
    await until(async () => (await statusOf(t, 'ada', id)).health === 'healthy', { what: 'all that is wanted to be healthy' });
    await engine.setUnreachable(node, false);
    const reserved = async (): Promise<number> =>
      ((await t.as('ada').get(`/api/nodes/${node}`)).body as { reserved: { cpu_cores: number } }).reserved.cpu_cores;
    await until(async () => (await reserved()) <= 0, { what: 'the node to be back and empty' });
    expect(await liveRevisions(t, 'ada', id)).toEqual([2, 2, 2]);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
  });
});
