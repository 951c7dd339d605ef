import { DataSource } from 'typeorm';
import { PubSub } from '../../src/database/pub-sub';
import { inTransaction } from '../../src/database/transaction';
import { LoadBalancer, type LiveRoutes } from '../../src/routing/load-balancer';
import { RouteBackendsRepository } from '../../src/routing/route-backends.repository';
import { RouteFollower } from '../../src/routing/route-follower';
import type { RouteTable } from '../../src/routing/route-table';
import { RouteTablesRepository } from '../../src/routing/route-tables.repository';
import { RouterWatch } from '../../src/routing/router-watch';
import { RoutesRepository } from '../../src/routing/routes.repository';
import { routingOf } from '../../src/routing/routes.sql';
import { WriterLease } from '../../src/routing/writer-lease';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

/** A balancer that can be away, lie, and have requests under way. */
class Balancer extends LoadBalancer {
  readonly kind = 'test';
  readonly address = 'test:1';
  readonly tables = new Map<string, RouteTable>();
  busy: string[] = [];
  mood: 'well' | 'away' | 'lies' = 'well';
  /** Called before tables are taken, which waits for it. */
  beforeTaking: () => Promise<void> = () => Promise.resolve();
  words = (): Promise<string> => Promise.resolve('here');
  async apply(tables: readonly RouteTable[]): Promise<void> {
    await this.beforeTaking();
    if (this.mood === 'away') throw new Error('The balancer is away');
    if (this.mood === 'lies') return;
    for (const table of tables)
      if ((this.tables.get(table.deploymentId)?.version ?? 0) < table.version) this.tables.set(table.deploymentId, table);
  }
  live(): Promise<LiveRoutes> {
    const versions = new Map([...this.tables].map(([id, { version }]) => [id, version]));
    return Promise.resolve({ versions, busy: this.busy });
  }
  close = (): Promise<void> => Promise.resolve();
}

describe('a router that follows the tables of routes', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let pubSub: PubSub;
  let balancer: Balancer;
  let follower: RouteFollower;
  let deployment: { id: string; userId: string };

  beforeEach(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 4);
    pubSub = new PubSub(dataSource);
    balancer = new Balancer();
    follower = new RouteFollower(balancer, new RouteTablesRepository(dataSource), pubSub, new WriterLease(dataSource));
    const id = await aDeployment(dataSource, { user_id: await aUser(dataSource) });
    const [{ userId }] = await dataSource.query<[{ userId: string }]>(`SELECT user_id AS "userId" FROM deployments WHERE id = $1`, [id]);
    deployment = { id, userId };
    const routes = [{ host: 'a.example', pathPrefix: '/', port: 80, named: true }];
    await inTransaction(dataSource, (tx) => new RoutesRepository(pubSub).replace(tx, id, routes));
  });
  afterEach(async () => {
    await pubSub.onApplicationShutdown();
    await dataSource?.destroy();
    await database?.drop();
  });

  const REPLICA = '11111111-1111-4111-8111-111111111111';
  const backends = [{ replicaId: REPLICA, ports: { 80: '127.0.0.1:1' } }];
  const record = (change: Partial<Parameters<RouteBackendsRepository['record']>[2]> & { version: number }): Promise<void> =>
    inTransaction(dataSource, (tx) =>
      new RouteBackendsRepository(pubSub).record(tx, deployment.id, { backends: [], leaving: [], ...change }),
    );
  const leaves = (version: number, since = new Date()): Promise<void> =>
    record({ version, leaving: [{ replicaId: REPLICA, since: since.toISOString(), outIn: null }] });
  /** Workers have been there for a while, and are now. */
  const isWatched = (): Promise<unknown> =>
    dataSource.query(`UPDATE router_watch SET beat_at = clock_timestamp(), since = clock_timestamp() - interval '1 minute'`);
  const beat = (): Promise<void> => new RouterWatch(dataSource).beat();
  /** All that is stored about routers was written so much earlier: nobody was there since. */
  const passes = async (seconds: number): Promise<void> => {
    await dataSource.query(`UPDATE routers SET seen_at = seen_at - make_interval(secs => $1)`, [seconds]);
    await dataSource.query(
      `UPDATE router_watch SET beat_at = beat_at - make_interval(secs => $1), since = since - make_interval(secs => $1),
                               sound_at = sound_at - make_interval(secs => $1)`,
      [seconds],
    );
  };
  const isDrained = async (): Promise<boolean | undefined> => {
    const [row] = await dataSource.query<{ routing: { leaving: { drained: boolean }[] } }[]>(
      `SELECT ${routingOf('d', '$2')} AS routing FROM deployments AS d WHERE d.id = $1`,
      [deployment.id, 30],
    );
    return row?.routing.leaving[0]?.drained;
  };

  it('takes over the routes with the replicas that answer, and tells that a replica is out only when it is', async () => {
    await record({ version: 1, backends });
    await follower.look();
    expect([...balancer.tables.values()]).toEqual([
      { deploymentId: deployment.id, version: 2, routes: [{ host: 'a.example', pathPrefix: '/', port: 80 }], backends, leaving: [] },
    ]);
    await leaves(2);
    expect(await isDrained()).toBe(false);
    balancer.busy = [REPLICA];
    await follower.look();
    expect(await isDrained()).toBe(false);
    balancer.busy = [];
    await follower.look();
    expect(await isDrained()).toBe(true);
  });

  it('counts from before it takes its first tables, so that a replica that leaves in between is not stopped while it gets requests', async () => {
    await record({ version: 1, backends });
    const drained: (boolean | undefined)[] = [];
    balancer.beforeTaking = async () => {
      await leaves(2);
      drained.push(await isDrained());
    };
    await follower.look();
    expect(balancer.tables.get(deployment.id)).toMatchObject({ backends });
    drained.push(await isDrained());
    balancer.beforeTaking = () => Promise.resolve();
    await follower.look();
    drained.push(await isDrained());
    expect(drained).toEqual([false, false, true]);
  });

  it.each(['away', 'lies'] as const)('does not count a balancer that %s as having taken a change, and tells it again', async (mood) => {
    await record({ version: 1, backends });
    await follower.look();
    balancer.mood = mood;
    await leaves(2);
    await follower.look();
    expect(await isDrained()).toBe(false);
    const [{ behind }] = await dataSource.query<[{ behind: Record<string, string> }]>(`SELECT behind FROM routers`);
    expect(Object.keys(behind)).toEqual([deployment.id]);
    balancer.mood = 'well';
    await follower.look();
    expect(await isDrained()).toBe(true);
  });

  it('waits for a router no longer than requests may take, and not for one that is gone', async () => {
    await isWatched();
    await follower.look();
    await leaves(1, new Date(Date.now() - 60_000));
    expect(await isDrained()).toBe(true);
    await leaves(2);
    expect(await isDrained()).toBe(false);
    await dataSource.query(`UPDATE routers SET seen_at = seen_at - interval '1 minute'`);
    expect(await isDrained()).toBe(true);
  });

  describe('after a time without the database, or without workers', () => {
    /** Both were there for a while, and have not been since. */
    const outage = async (seconds: number): Promise<void> => {
      await passes(1);
      await isWatched();
      await passes(1);
      await beat();
      await passes(seconds);
    };

    it('waits for routers that could not report, until they have had ten seconds for it', async () => {
      await record({ version: 1, backends });
      await follower.look();
      await outage(60);
      await leaves(2);
      const drained = [await isDrained()];
      await beat();
      drained.push(await isDrained());
      for (let second = 0; second < 8; second++) {
        await passes(1);
        await beat();
      }
      drained.push(await isDrained());
      for (let second = 0; second < 3; second++) {
        await passes(1);
        await beat();
      }
      drained.push(await isDrained());
      expect(drained).toEqual([false, false, false, true]);
    });

    it('waits no longer for one that reports', async () => {
      await record({ version: 1, backends });
      await follower.look();
      await outage(60);
      await beat();
      await leaves(2);
      expect(await isDrained()).toBe(false);
      await follower.look();
      expect(await isDrained()).toBe(true);
    });

    it('waits for none that was gone before', async () => {
      await record({ version: 1, backends });
      await follower.look();
      await passes(20);
      await outage(60);
      await leaves(2);
      expect(await isDrained()).toBe(true);
      await beat();
      expect(await isDrained()).toBe(true);
    });

    it('counts no time of it for requests, as routers did not hear that the replica leaves', async () => {
      await record({ version: 1, backends });
      await follower.look();
      await outage(60);
      await leaves(2, new Date(Date.now() - 61_000));
      await beat();
      expect(await isDrained()).toBe(false);
    });

    it('does not take a second one, soon after the first, for the chance to report', async () => {
      await record({ version: 1, backends });
      await follower.look();
      await outage(60);
      await beat();
      await passes(30);
      await beat();
      await leaves(2);
      expect(await isDrained()).toBe(false);
    });

    it('takes no other worker that writes in the same moment for a break', async () => {
      await isWatched();
      await passes(1);
      await Promise.all(Array.from({ length: 8 }, beat));
      const [row] = await dataSource.query<{ unbroken: boolean }[]>(
        `SELECT since < clock_timestamp() - interval '50 seconds' AS unbroken FROM router_watch`,
      );
      expect(row).toEqual({ unbroken: true });
    });
  });

  it('proves that a change is out although an older transaction still runs', async () => {
    await follower.look();
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query(`SELECT pg_current_xact_id()`);
    await leaves(1);
    await follower.look();
    expect(await isDrained()).toBe(true);
    await runner.rollbackTransaction();
    await runner.release();
  });

  it('writes nothing that was made for an older table', async () => {
    await record({ version: 1, backends });
    await record({ version: 1, backends: [] });
    await follower.look();
    expect(balancer.tables.get(deployment.id)).toMatchObject({ version: 2, backends });
  });

  it('tells a balancer that has forgotten everything all of it again', async () => {
    await record({ version: 1, backends });
    await follower.look();
    balancer.tables.clear();
    await follower.look();
    await follower.look();
    expect(balancer.tables.get(deployment.id)).toMatchObject({ version: 2 });
  });
});
