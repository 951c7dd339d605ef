import type { DataSource } from 'typeorm';
import { AppConfig } from '../../src/config/app-config';
import { inTransaction } from '../../src/database/transaction';
import { checkInvariants } from '../../src/invariants/check-invariants';
import { PlacementsRepository } from '../../src/deployments/placement/placements.repository';
import { isCapacityTaken, NodesRepository } from '../../src/nodes/nodes.repository';
import { placeOn } from '../support/candidates';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aNode, aReplica, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const EACH = { cpuCores: 1.5, memoryMb: 1024, gpuUnits: 0, storageGb: 10 };

describe('reservations', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let nodes: NodesRepository;
  let placements: PlacementsRepository;
  let deploymentId: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 30);
    nodes = new NodesRepository(dataSource, new AppConfig());
    placements = new PlacementsRepository(new AppConfig());
    deploymentId = await aDeployment(dataSource, { user_id: await aUser(dataSource) });
  });
  afterEach(async () => expect(await deadlocks()).toBe(0));
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const deadlocks = async (): Promise<number> => {
    const [row] = await dataSource.query<{ deadlocks: string }[]>(
      `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`,
    );
    return Number(row?.deadlocks);
  };
  /** One placement with a replica on each of these nodes; gives the replicas' ids. */
  const place = (nodeIds: readonly string[], perReplica = EACH): Promise<string[]> => {
    const { explanation } = placeOn({ replicas: 0, perReplica, region: 'us-east', strategy: 'spread' }, []);
    const placement = { deploymentId, generation: 1, revision: 1, rollout: 0, cause: 'scale', explanation, perReplica } as const;
    const replicas = nodeIds.map((nodeId) => ({ nodeId, attempt: 0 }));
    return inTransaction(dataSource, (tx) => placements.add(tx, placement, replicas));
  };
  const rowsAbout = async (): Promise<number> => {
    const [row] = await dataSource.query<{ count: number }[]>(
      `SELECT ((SELECT count(*) FROM placements) + (SELECT count(*) FROM deployment_replicas) + (SELECT count(*) FROM reservations))::int AS count`,
    );
    return row?.count ?? -1;
  };
  const release = (replicaIds: readonly string[]): Promise<number> => inTransaction(dataSource, (tx) => nodes.release(tx, replicaIds));
  const countersOf = async (id: string): Promise<unknown> => {
    const [row] = await dataSource.query<unknown[]>(
      `SELECT reserved_cpu_cores::float8 AS cpu, reserved_memory_mb AS memory, reserved_gpu_units AS gpu, reserved_storage_gb AS storage
         FROM nodes WHERE id = $1`,
      [id],
    );
    return row;
  };
  const shuffled = <T>(items: readonly T[]): T[] =>
    items
      .map((item) => ({ item, key: Math.random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ item }) => item);

  it('move the counters of their nodes, and back', async () => {
    const [a, b] = [await aNode(dataSource), await aNode(dataSource)];
    const ids = await place([a, a, b], { ...EACH, gpuUnits: 1 });
    expect(await countersOf(a)).toEqual({ cpu: 3, memory: 2048, gpu: 2, storage: 20 });
    expect(await countersOf(b)).toEqual({ cpu: 1.5, memory: 1024, gpu: 1, storage: 10 });
    expect(await release(ids)).toBe(3);
    expect(await countersOf(a)).toEqual({ cpu: 0, memory: 0, gpu: 0, storage: 0 });
  });

  it.each([
    ['CPU', { cpu_cores: 2.999 }],
    ['memory', { memory_mb: 2047 }],
    ['storage', { storage_gb: 19 }],
  ])('are refused by the database when the %s of a node does not suffice', async (_dimension, size) => {
    const tooSmall = await aNode(dataSource, size);
    const before = await rowsAbout();
    const error: unknown = await place([tooSmall, tooSmall]).catch((reason: unknown) => reason);
    expect(isCapacityTaken(error)).toBe(true);
    expect(await rowsAbout()).toBe(before);
    expect(await countersOf(tooSmall)).toEqual({ cpu: 0, memory: 0, gpu: 0, storage: 0 });
  });

  it('never exceed the capacity when fifty transactions want more than there is', async () => {
    const room = [
      await aNode(dataSource, { cpu_cores: 9 }),
      await aNode(dataSource, { cpu_cores: 9 }),
      await aNode(dataSource, { cpu_cores: 9 }),
    ];
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => place(shuffled(room).slice(0, 2))));

    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.every(({ reason }) => isCapacityTaken(reason))).toBe(true);
    // Three nodes of six places each: nine pairs at best, and at least as many as fill two nodes.
    expect(results.length - refused.length).toBeGreaterThanOrEqual(6);
    expect(results.length - refused.length).toBeLessThanOrEqual(9);
    expect(await checkInvariants(dataSource, { graceSeconds: 0 })).toEqual([]);
  });

  it('are released exactly once by any number of callers with overlapping sets', async () => {
    const fleet = await Promise.all(Array.from({ length: 12 }, () => aNode(dataSource)));
    const ids = await place([...fleet, ...fleet, ...fleet, ...fleet]);
    const counts = await Promise.all(Array.from({ length: 40 }, () => release(shuffled(ids).slice(0, 24))));
    const rest = await release(ids);
    expect(counts.reduce((sum, count) => sum + count, rest)).toBe(ids.length);
    for (const id of fleet) expect(await countersOf(id)).toEqual({ cpu: 0, memory: 0, gpu: 0, storage: 0 });
  });

  it('never deadlock when taking and giving back cross on the same nodes', async () => {
    const fleet = await Promise.all(
      Array.from({ length: 10 }, () => aNode(dataSource, { cpu_cores: 1000, memory_mb: 10_000_000, storage_gb: 100_000 })),
    );
    await Promise.all(
      Array.from({ length: 60 }, async () => {
        const ids = await place(shuffled(fleet));
        await release(shuffled(ids));
      }),
    );
    for (const id of fleet) expect(await countersOf(id)).toEqual({ cpu: 0, memory: 0, gpu: 0, storage: 0 });
  });

  it('cannot be released twice, moved, resized, deleted while open, or begin closed, even past the repository', async () => {
    const node = await aNode(dataSource);
    const other = await aNode(dataSource);
    const [open, closed] = (await place([node, node])) as [string, string];
    const third = await aReplica(dataSource, { deployment_id: deploymentId, node_id: node, status: 'pending' });
    expect(await release([closed])).toBe(1);
    expect(await release([closed])).toBe(0);

    const refused = /can only be released|is open|must start open/;
    await expect(dataSource.query(`UPDATE reservations SET released_at = now() WHERE replica_id = $1`, [closed])).rejects.toThrow(refused);
    await expect(dataSource.query(`UPDATE reservations SET released_at = NULL WHERE replica_id = $1`, [closed])).rejects.toThrow(refused);
    await expect(
      dataSource.query(`UPDATE reservations SET node_id = $2, released_at = now() WHERE replica_id = $1`, [open, other]),
    ).rejects.toThrow(refused);
    await expect(
      dataSource.query(`UPDATE reservations SET cpu_cores = 1, released_at = now() WHERE replica_id = $1`, [open]),
    ).rejects.toThrow(refused);
    await expect(dataSource.query(`DELETE FROM reservations WHERE replica_id = $1`, [open])).rejects.toThrow(refused);
    await expect(
      dataSource.query(`INSERT INTO reservations VALUES ($1, $2, $3, 1, 1, 0, 1, now(), now())`, [third, deploymentId, node]),
    ).rejects.toThrow(refused);
    await expect(
      dataSource.query(`INSERT INTO reservations VALUES ($1, $2, $3, -1, 1, 0, 1)`, [third, deploymentId, node]),
    ).rejects.toThrow('ck_reservations_amount');
    expect(await countersOf(node)).toMatchObject({ cpu: 1.5 });
  });

  it.each([
    ['removed', { removed_at: new Date() }],
    ['cordoned', { cordoned: true }],
    ['draining', { cordoned: true, draining: true }],
    ['silent for a minute', { last_heartbeat: new Date(Date.now() - 60_000) }],
    ['never heard of', { last_heartbeat: null }],
  ])('land on no node that is %s by now, nor on the others chosen with it', async (_what, values) => {
    const [good, bad] = [await aNode(dataSource), await aNode(dataSource, values)];
    const before = await rowsAbout();
    const error: unknown = await place([good, bad]).catch((reason: unknown) => reason);
    expect(isCapacityTaken(error)).toBe(true);
    expect(await rowsAbout()).toBe(before);
    expect(await countersOf(good)).toMatchObject({ cpu: 0 });
  });

  it('keep a placement without any, for a deployment that fails', async () => {
    const before = await rowsAbout();
    expect(await place([])).toEqual([]);
    expect(await rowsAbout()).toBe(before + 1);
  });
});
