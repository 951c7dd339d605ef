import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { SharedPullTurns } from '../../src/runtime/docker/shared-pull-turns';
import { FaultProxy } from '../support/fault-proxy';
import { openDataSource } from '../support/open-data-source';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

/** Each data source stands for a process. */
describe('turns of pulls that several processes share', () => {
  let database: TestDatabase;
  let dataSources: DataSource[];
  let test: AbortController;
  beforeEach(async () => {
    test = new AbortController();
    database = await createTestDatabase();
    dataSources = await Promise.all([1, 2, 3].map(() => openDataSource(database.url, 5)));
  });
  afterEach(async () => {
    test.abort(); // whatever waits after a test that has failed
    await Promise.all((dataSources ?? []).map((each) => each.destroy()));
    await database?.drop();
  });

  const processes = (limits: { total: number; perOwner: number }): SharedPullTurns[] =>
    dataSources.map((dataSource) => new SharedPullTurns(dataSource, limits));
  const rows = async (): Promise<number> => (await dataSources[0]!.query<unknown[]>(`SELECT 1 FROM image_pulls`)).length;
  /** A row as a process leaves it that was killed in the middle of a pull. */
  const left = (nodeId: string, leaseUntil: string): Promise<unknown> =>
    dataSources[0]!.query(
      `INSERT INTO image_pulls (id, node_id, owner_id, begun, lease_until)
       VALUES (gen_random_uuid(), $1, gen_random_uuid(), true, now() + $2::interval)`,
      [nodeId, leaseUntil],
    );

  it('keep to the limits of each node and of each owner on it, whoever asks, and leave nothing', async () => {
    const turns = processes({ total: 4, perOwner: 2 });
    const [nodes, owners] = [2, 5].map((count) => Array.from({ length: count }, () => randomUUID())) as [string[], string[]];
    const now = new Map<string, number>();
    const most = { ofNode: 0, ofOwner: 0 };
    const count = (key: string, by: number): number => {
      now.set(key, (now.get(key) ?? 0) + by);
      return now.get(key)!;
    };
    const pull = async (nodeId: string, ownerId: string): Promise<void> => {
      most.ofNode = Math.max(most.ofNode, count(nodeId, 1));
      most.ofOwner = Math.max(most.ofOwner, count(nodeId + ownerId, 1));
      await sleep(20 + Math.random() * 60);
      count(nodeId, -1);
      count(nodeId + ownerId, -1);
    };
    const all = Array.from({ length: 90 }, (_unused, n) => {
      const place = { nodeId: nodes[n % 2]!, ownerId: owners[n % 5]! };
      return turns[n % 3]!.run(place, test.signal, () => pull(place.nodeId, place.ownerId));
    });
    await Promise.all(all);
    expect(most).toEqual({ ofNode: 4, ofOwner: 2 });
    expect(await rows()).toBe(0);
  }, 120_000);

  it('let an owner who asks for one go before another who has asked for many, in another process', async () => {
    const [one, two] = processes({ total: 1, perOwner: 1 }) as [SharedPullTurns, SharedPullTurns];
    const [nodeId, greedy, modest] = [randomUUID(), randomUUID(), randomUUID()];
    const order: string[] = [];
    const pull = (by: SharedPullTurns, ownerId: string, name: string): Promise<unknown> =>
      by.run({ nodeId, ownerId }, test.signal, async () => {
        order.push(name);
        await sleep(100);
      });
    const many = Array.from({ length: 8 }, (_unused, n) => pull(one, greedy, `greedy ${String(n)}`));
    await until(() => order.length === 1, { what: 'the first pull' });
    await pull(two, modest, 'modest');
    // Besides the one under way, one more may have been let in before the modest one had asked.
    expect(order.indexOf('modest')).toBeLessThanOrEqual(2);
    await Promise.all(many);
    expect(order).toHaveLength(9);
  }, 60_000);

  it('let the second one of an owner come, however many others pull one after the other in another process', async () => {
    const [one, two] = processes({ total: 2, perOwner: 2 }) as [SharedPullTurns, SharedPullTurns];
    const [nodeId, modest, ...others] = Array.from({ length: 4 }, () => randomUUID()) as [string, string, string, string];
    const order: string[] = [];
    const pull = (by: SharedPullTurns, ownerId: string, name: string): Promise<unknown> =>
      by.run({ nodeId, ownerId }, test.signal, async () => {
        order.push(name);
        await sleep(150);
      });
    const many = Array.from({ length: 60 }, (_unused, n) => pull(two, others[n % 2]!, 'other'));
    await until(() => order.length === 2, { what: 'the first pulls' });
    await Promise.all([pull(one, modest, 'modest'), pull(one, modest, 'modest')]);
    expect(order.length).toBeLessThan(40);
    await Promise.all(many);
  }, 60_000);

  it('give the place of a process that has died to the next one when its lease is over, and not before', async () => {
    const [one] = processes({ total: 1, perOwner: 1 });
    const nodeId = randomUUID();
    await left(nodeId, '3 seconds');
    const begun = performance.now();
    await one!.run({ nodeId, ownerId: randomUUID() }, test.signal, () => Promise.resolve());
    expect(performance.now() - begun).toBeGreaterThan(2_500);
    expect(await rows()).toBe(0);
  });

  it('take no lease for one that lasts longer than a lease can, as after a step back of the clock', async () => {
    const [one] = processes({ total: 1, perOwner: 1 });
    const nodeId = randomUUID();
    await left(nodeId, '1 day');
    await one!.run({ nodeId, ownerId: randomUUID() }, test.signal, () => Promise.resolve());
    expect(await rows()).toBe(0);
  });

  it('renew the lease of a pull that takes long, also when it was taken for dead', async () => {
    const [one] = processes({ total: 1, perOwner: 1 });
    let finish = (): void => undefined;
    const place = { nodeId: randomUUID(), ownerId: randomUUID() };
    const pulling = one!.run(place, test.signal, () => new Promise<void>((end) => (finish = end)));
    await until(async () => (await rows()) === 1, { what: 'the pull to begin' });
    await dataSources[1]!.query(`UPDATE image_pulls SET lease_until = now() + interval '6 seconds'`);
    const isRenewed = `SELECT 1 FROM image_pulls WHERE lease_until > now() + interval '10 seconds'`;
    await until(async () => (await dataSources[1]!.query<unknown[]>(isRenewed)).length === 1, { what: 'the lease to be renewed' });
    await dataSources[1]!.query(`DELETE FROM image_pulls`); // as who takes its process for dead
    const isBack = `SELECT 1 FROM image_pulls WHERE begun`;
    await until(async () => (await dataSources[1]!.query<unknown[]>(isBack)).length === 1, { what: 'the pull to be known again' });
    finish();
    await pulling;
    expect(await rows()).toBe(0);
  });

  it('are given up by who calls them off while he waits, and nothing is left of him', async () => {
    const [one, two] = processes({ total: 1, perOwner: 1 });
    const place = { nodeId: randomUUID(), ownerId: randomUUID() };
    let finish = (): void => undefined;
    const pulling = one!.run(place, test.signal, () => new Promise<void>((end) => (finish = end)));
    await until(async () => (await rows()) === 1, { what: 'the pull to begin' });
    const abort = new AbortController();
    const waiting = two!.run(place, abort.signal, () => Promise.reject(new Error('It was not his turn')));
    await until(async () => (await rows()) === 2, { what: 'the other one to wait' });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    expect(await rows()).toBe(1);
    finish();
    await pulling;
  });

  it('wait for a database that is away, and go on when it is back', async () => {
    const url = new URL(database.url);
    const proxy = await new FaultProxy({ host: url.hostname, port: Number(url.port) }).start();
    url.host = `127.0.0.1:${String(proxy.address.port)}`;
    const dataSource = await openDataSource(url.toString(), 2);
    dataSources.push(dataSource);
    const turns = new SharedPullTurns(dataSource, { total: 1, perOwner: 1 });
    await proxy.cut();
    let hasBegun = false;
    const pulling = turns.run({ nodeId: randomUUID(), ownerId: randomUUID() }, test.signal, () => {
      hasBegun = true;
      return Promise.resolve('pulled');
    });
    await sleep(2_500);
    expect(hasBegun).toBe(false);
    await proxy.restore();
    expect(await pulling).toBe('pulled');
    await dataSource.destroy();
    dataSources.pop();
    await proxy.cut();
  });
});
