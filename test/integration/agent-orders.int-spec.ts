import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { OrdersRepository } from '../../src/agents/orders.repository';
import { ReportsRepository } from '../../src/agents/reports.repository';
import { Tickets } from '../../src/agents/tickets';
import { SecretBox } from '../../src/common/crypto/secret-box';
import type { EngineInfo } from '../../src/engines/engine-info';
import { PubSub } from '../../src/database/pub-sub';
import { inTransaction } from '../../src/database/transaction';
import { AgentOrdersRepository } from '../../src/runtime/agent/agent-orders.repository';
import { AgentStatesRepository } from '../../src/runtime/agent/agent-states.repository';
import { forgetTickets } from '../../src/runtime/agent/forget-tickets';
import {
  LARGEST_MESSAGE_BYTES,
  type Order,
  type OrdersMessage,
  type OrderWill,
  type ReportedWorkload,
  type ReportMessage,
} from '../../src/runtime/agent/link-messages';
import { resealColumn } from '../../src/reseal-column';
import { SEALED_COLUMNS } from '../../src/sealed-columns';
import { aSpec } from '../contract/runtime-under-test';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aNode, aPlacedReplica, aUser, insertRow } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

interface Row {
  replica_id: string;
  version: string;
  will: OrderWill;
  grace_seconds: number;
  spec: Buffer | null;
  ended_at: Date | null;
}

describe('the orders of nodes', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let pubSub: PubSub;
  let orders: AgentOrdersRepository;
  let sent: OrdersRepository;
  let reports: ReportsRepository;
  let nodeId: string;
  const box = new SecretBox(Buffer.alloc(32, 'k'));

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 12);
    pubSub = new PubSub(dataSource);
    orders = new AgentOrdersRepository(dataSource, box, pubSub);
    sent = new OrdersRepository(dataSource, box);
    reports = new ReportsRepository(dataSource);
  });
  beforeEach(async () => {
    nodeId = await aNode(dataSource, { runtime: 'agent' });
    await insertRow(dataSource, 'node_agents', { node_id: nodeId });
    await dataSource.query(`INSERT INTO agent_links (node_id, epoch, holder, last_heard) VALUES ($1, 1, $2, now())`, [
      nodeId,
      randomUUID(),
    ]);
  });
  afterAll(async () => {
    await pubSub?.onApplicationShutdown();
    await dataSource?.destroy();
    await database?.drop();
  });

  const rows = (): Promise<Row[]> => dataSource.query<Row[]>(`SELECT * FROM agent_orders WHERE node_id = $1 ORDER BY version`, [nodeId]);
  const only = async (): Promise<Row> => (await rows())[0]!;
  const run = (spec = aSpec(), over: object = {}) => orders.run(nodeId, { spec, resumeRunAt: null, ociRuntime: null, ...over });
  const end = (replicaId: string, will: 'suspend' | 'absent', graceSeconds = 10) =>
    orders.end(nodeId, { replicaId, deploymentId: null, will, graceSeconds });
  const shown = (order: Pick<Order, 'replicaId'>, version: number | null, over: Partial<ReportedWorkload> = {}): ReportedWorkload => ({
    ...{ replicaId: order.replicaId, deploymentId: randomUUID(), containerId: 'c', phase: 'running', hasRun: true, startedAt: null },
    ...{ upSeconds: null, exitCode: null, reason: null, publishedPorts: [], origin: null, version },
    ...over,
  });
  const anEngine = (): EngineInfo => ({
    ...{ engineId: nodeId, version: '1', cpuCores: 1, memoryMb: 1, gpuUnits: 0, storageGb: 1, cpuUsagePercent: 0 },
    ...{ memoryUsagePercent: 0, isolation: null },
  });
  const report = (over: Partial<ReportMessage> = {}, epoch = 1) =>
    reports.note(nodeId, epoch, {
      ...{ type: 'report', number: 1, whole: false, ordersVersion: 0, engineTrouble: null, workloads: [], gone: [], troubles: [] },
      ...{ progress: [], accounts: [], clock: new Date().toISOString() },
      engine: anEngine(),
      ...over,
    });

  it('have versions that only grow, one for each change, however many are given at once', async () => {
    const specs = Array.from({ length: 24 }, () => aSpec());
    await Promise.all([...specs, ...specs].map((spec) => run(spec)));
    const written = await rows();
    expect(written).toHaveLength(24);
    expect(new Set(written.map(({ version }) => version)).size).toBe(24);
    const [{ newest } = { newest: 0 }] = await dataSource.query<{ newest: number }[]>(
      `SELECT orders_version::int AS newest FROM agent_links WHERE node_id = $1`,
      [nodeId],
    );
    expect(newest).toBeGreaterThanOrEqual(Number(written.at(-1)?.version));
  });

  it('are read in steps that miss none while others are being given', async () => {
    const seen = new Map<string, number>();
    let isOver = false;
    const reading = (async () => {
      for (let since = 0; ;) {
        const wasOver = isOver;
        const step = await sent.step(nodeId, since);
        for (const { replicaId, version } of step?.orders ?? []) {
          expect(version).toBeGreaterThan(since);
          seen.set(replicaId, version);
        }
        if (step) since = step.version;
        else if (wasOver) return;
      }
    })();
    await Promise.all(
      Array.from({ length: 60 }, async () => {
        const spec = aSpec();
        await run(spec);
        await end(spec.replicaId, 'absent');
      }),
    );
    isOver = true;
    await reading;
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries((await rows()).map((row) => [row.replica_id, Number(row.version)])));
  });

  it('come in steps that fit into a message, and one that does not fit alone is refused in words', async () => {
    const large = { A: 'x'.repeat(700_000) };
    const given = [];
    for (let index = 0; index < 5; index++) {
      const spec = aSpec(index === 2 ? { env: { ...large, B: 'y'.repeat(2_500_000) } } : { env: large });
      given.push(spec.replicaId);
      await run(spec);
    }
    const [seen, sizes]: [string[], number[]] = [[], []];
    for (let since: number | null = null; ;) {
      const step: OrdersMessage | null = await sent.step(nodeId, since);
      if (!step) break;
      since = step.version;
      seen.push(...step.orders.map(({ replicaId }) => replicaId));
      sizes.push(Buffer.byteLength(JSON.stringify(step)));
    }
    expect(seen).toEqual(given);
    expect(Math.max(...sizes)).toBeLessThan(LARGEST_MESSAGE_BYTES);
    expect(sizes.length).toBeGreaterThan(2);
    await expect(run(aSpec({ env: { A: 'x'.repeat(LARGEST_MESSAGE_BYTES) } }))).rejects.toMatchObject({
      failure: 'unfit',
      message: expect.stringContaining('a machine with an agent takes at most') as string,
    });
    expect(await rows()).toHaveLength(5);
  });

  it('are given for so many replicas that a report takes them all, and refused in words for more', async () => {
    const spec = aSpec();
    await run(spec);
    await dataSource.query(
      `INSERT INTO agent_orders (node_id, replica_id, deployment_id, version, will, grace_seconds)
       SELECT $1, gen_random_uuid(), gen_random_uuid(), 1000 + n, 'absent', 10 FROM generate_series(1, 1499) AS n`,
      [nodeId],
    );
    await expect(run()).rejects.toMatchObject({ failure: 'unfit', message: expect.stringContaining('takes at most 1500') as string });
    // What is there already may change, and what has gone makes room.
    await end(spec.replicaId, 'suspend');
    await run(spec);
    await dataSource.query(`UPDATE agent_orders SET ended_at = now() WHERE node_id = $1 AND will = 'absent'`, [nodeId]);
    await run();
  });

  it('say how often the replica had failed before, so that its machine goes on to count', async () => {
    const deployment_id = await aDeployment(dataSource, { user_id: await aUser(dataSource) });
    const replicaId = await aPlacedReplica(dataSource, { deployment_id, node_id: nodeId, status: 'running' });
    await dataSource.query(`UPDATE deployment_replicas SET attempt = 4 WHERE id = $1`, [replicaId]);
    await run(aSpec({ replicaId, deploymentId: deployment_id }));
    await run();
    expect((await sent.step(nodeId, 0))?.orders.map(({ attempt }) => attempt)).toEqual([4, undefined]);
  });

  it('of a removal at the same time as a start are the later of the two', async () => {
    for (let round = 0; round < 10; round++) {
      const spec = aSpec();
      await Promise.all([run(spec), end(spec.replicaId, 'absent'), run(spec), end(spec.replicaId, 'absent')]);
      const [step, row] = [await sent.step(nodeId, null), (await rows()).find(({ replica_id }) => replica_id === spec.replicaId)];
      expect(step?.orders.find(({ replicaId }) => replicaId === spec.replicaId)).toMatchObject({
        will: row?.will,
        version: Number(row?.version),
      });
    }
  });

  it('keep the environment encrypted, and not at all once the workload is to be absent', async () => {
    const spec = aSpec({ env: { PASSWORD: 'hunter2' } });
    await run(spec);
    expect((await only()).spec?.toString('latin1')).not.toContain('hunter2');
    expect((await sent.step(nodeId, null))?.orders).toMatchObject([{ spec: { env: { PASSWORD: 'hunter2' } } }]);
    await end(spec.replicaId, 'absent');
    expect((await only()).spec).toBeNull();
  });

  it('that say the same again change nothing, and a stop never takes longer', async () => {
    const spec = aSpec();
    await run(spec);
    const { version } = await only();
    await run(spec);
    expect((await only()).version).toBe(version);
    await end(spec.replicaId, 'suspend', 10);
    const stopping = await only();
    await end(spec.replicaId, 'suspend', 60);
    expect(await only()).toEqual(stopping);
    await end(spec.replicaId, 'absent', 60);
    expect(await only()).toMatchObject({ will: 'absent', grace_seconds: 10 });
    await end(spec.replicaId, 'suspend', 1);
    expect(await only()).toMatchObject({ will: 'absent', grace_seconds: 10 });
    await end(spec.replicaId, 'absent', 0);
    expect(await only()).toMatchObject({ will: 'absent', grace_seconds: 0 });
  });

  it('are taken back only while they have made nothing and are still the will', async () => {
    const spec = aSpec();
    await run(spec);
    await orders.withdraw(nodeId, spec.replicaId, Number((await only()).version) + 7);
    expect(await only()).toMatchObject({ will: 'run' });
    await orders.withdraw(nodeId, spec.replicaId, Number((await only()).version));
    expect(await only()).toMatchObject({ will: 'absent', spec: null });
    await run(spec);
    const { version } = await only();
    await report({ workloads: [shown(spec, Number(version))] });
    await orders.withdraw(nodeId, spec.replicaId, Number(version));
    expect(await only()).toMatchObject({ will: 'run', version });
  });

  it('are over when a report says so by their version, and not by an older one', async () => {
    const spec = aSpec();
    await run(spec);
    await end(spec.replicaId, 'absent');
    const version = Number((await only()).version);
    expect((await report({ gone: [{ replicaId: spec.replicaId, version: version - 1 }] }))?.ended).toEqual([]);
    expect((await report({ gone: [{ replicaId: spec.replicaId, version }] }, 2))?.ended).toBeUndefined();
    expect((await only()).ended_at).toBeNull();
    expect((await report({ gone: [{ replicaId: spec.replicaId, version }] }))?.ended).toEqual([spec.replicaId]);
    expect((await report({ gone: [{ replicaId: spec.replicaId, version }] }))?.ended).toEqual([]);
    expect(await sent.step(nodeId, null)).toMatchObject({ orders: [], forget: [spec.replicaId] });
    await run(spec);
    expect(await only()).toMatchObject({ will: 'run', ended_at: null });
  });

  it('leave what was reported as it is while the engine does not answer its agent', async () => {
    const spec = aSpec();
    await run(spec);
    await report({ whole: true, workloads: [shown(spec, 1)] });
    await report({ whole: true, engine: null, engineTrouble: 'down', workloads: [] });
    const state = await new AgentStatesRepository(dataSource).of(nodeId);
    expect(state).toMatchObject({ engine: null, engineTrouble: 'down', workloads: [{ replicaId: spec.replicaId }] });
    expect((await only()).ended_at).toBeNull();
  });

  it('are not ended by what another engine than that of the node shows', async () => {
    const [spec, kept] = [aSpec(), aSpec()];
    await run(spec);
    await run(kept);
    await report({ whole: true, workloads: [shown(spec, 1), shown(kept, 2)] });
    await dataSource.query(`UPDATE nodes SET engine_id = $1 WHERE id = $1`, [nodeId]);
    const engine = { ...anEngine(), engineId: 'another' };
    const gone = [{ replicaId: spec.replicaId, version: 1 }];
    expect((await report({ whole: true, ordersVersion: 2, engine, gone }))?.ended).toEqual([]);
    expect((await report({ whole: true, ordersVersion: 2, gone, workloads: [shown(kept, 2)] }))?.ended).toEqual([spec.replicaId]);
  });

  it('tell which workloads a report shows otherwise than before', async () => {
    const [one, other] = [aSpec(), aSpec()];
    await run(one);
    await run(other);
    const before = [shown(one, 1), shown(other, 1), shown(aSpec(), null)];
    expect((await report({ whole: true, workloads: before }))?.changed.map(({ replicaId }) => replicaId).sort()).toEqual(
      [one.replicaId, other.replicaId].sort(),
    );
    const after = { ...before[0]!, phase: 'exited', exitCode: 1 } as const;
    expect((await report({ workloads: [after] }))?.changed.map(({ replicaId }) => replicaId)).toEqual([one.replicaId]);
    expect((await report({ workloads: [{ ...after, version: 9 }] }))?.changed).toEqual([]);
    expect((await report({ gone: [{ replicaId: other.replicaId, version: null }] }))?.changed.map(({ replicaId }) => replicaId)).toEqual([
      other.replicaId,
    ]);
  });

  it('of replicas that have ended in the records are settled before the agent gets any', async () => {
    const deployment_id = await aDeployment(dataSource, { user_id: await aUser(dataSource) });
    const [failed, running] = [
      await aPlacedReplica(dataSource, { deployment_id, node_id: nodeId, status: 'failed' }),
      await aPlacedReplica(dataSource, { deployment_id, node_id: nodeId, status: 'running' }),
    ];
    await run(aSpec({ replicaId: failed }));
    await run(aSpec({ replicaId: running }));
    await inTransaction(dataSource, (tx) => sent.settle(tx, nodeId));
    const step = await sent.step(nodeId, null);
    expect(step?.orders.map(({ replicaId, will, version }) => [replicaId, will, version])).toEqual([
      [running, 'run', 2],
      [failed, 'absent', 3],
    ]);
    expect(step?.version).toBe(3);
    await inTransaction(dataSource, (tx) => sent.settle(tx, nodeId));
    expect(await sent.step(nodeId, 3)).toBeNull();
  });

  it('of replicas that are to go, or that nobody knows any more, are settled too, but not of those kept warm or still routed', async () => {
    const deployment_id = await aDeployment(dataSource, { user_id: await aUser(dataSource) });
    const made = (status: string) => aPlacedReplica(dataSource, { deployment_id, node_id: nodeId, status });
    const [leaving, warm, unborn, routed, left] = [
      await made('stopping'),
      await made('stopping'),
      await made('stopping'),
      await made('stopping'),
      await made('stopping'),
    ];
    await dataSource.query(`UPDATE deployment_replicas SET warm_until = now() + interval '1 hour' WHERE id = ANY($1)`, [[warm, unborn]]);
    await dataSource.query(`UPDATE deployment_replicas SET started_at = now() WHERE id = $1`, [warm]);
    const since = (id: string, minutes: number) => ({
      replicaId: id,
      since: new Date(Date.now() - minutes * 60_000).toISOString(),
      outIn: 1,
    });
    await dataSource.query(`INSERT INTO route_tables VALUES ($1, 1, $2, $3, 1)`, [
      ...[deployment_id, JSON.stringify([]), JSON.stringify([since(routed, 0), since(left, 5)])],
    ]);
    const stranger = aSpec().replicaId;
    for (const replicaId of [leaving, warm, unborn, routed, left, stranger]) await run(aSpec({ replicaId }));
    await inTransaction(dataSource, (tx) => sent.settle(tx, nodeId));
    const wills = new Map((await rows()).map(({ replica_id, will }) => [replica_id, will]));
    expect([leaving, unborn, left, stranger].map((id) => wills.get(id))).toEqual(['absent', 'absent', 'absent', 'absent']);
    expect([warm, routed].map((id) => wills.get(id))).toEqual(['run', 'run']);
  });

  it('come under newer numbers to an agent that has seen more than a restored database knows', async () => {
    const [one, other] = [aSpec(), aSpec()];
    await run(one);
    await run(other);
    await inTransaction(dataSource, (tx) => sent.renumber(tx, nodeId, 1_000));
    expect((await sent.step(nodeId, 1_000))?.orders.map(({ replicaId, version }) => [replicaId, version])).toEqual([
      [one.replicaId, 1_001],
      [other.replicaId, 1_002],
    ]);
  });

  it('can be read after the encryption key has changed, and let the machine in whose tickets cannot', async () => {
    const registry = { revision: 'a', server: 'ghcr.io', username: 'puller', password: 'something' };
    const [spec, lost] = [aSpec({ env: { A: 'b' }, registry }), aSpec()];
    await run(spec);
    await run(lost);
    const junk = new SecretBox(Buffer.alloc(32, 'z')).seal('{}', 'elsewhere');
    await dataSource.query(`UPDATE agent_orders SET spec = $2 WHERE replica_id = $1`, [lost.replicaId, junk]);
    const to = new SecretBox(Buffer.alloc(32, 'n'));
    const both = new SecretBox(Buffer.alloc(32, 'n'), Buffer.alloc(32, 'k'));
    both.sealWith('present');
    await dataSource.query(`DELETE FROM agent_orders WHERE node_id <> $1`, [nodeId]);
    await inTransaction(dataSource, forgetTickets);
    const count = await resealColumn(
      dataSource,
      SEALED_COLUMNS.find(({ table }) => table === 'agent_orders')!,
      { box: both },
    );
    expect(count).toEqual({ resealed: 1, lost: 1 });
    const step = await new OrdersRepository(dataSource, to).step(nodeId, null);
    expect(step?.orders).toMatchObject([{ replicaId: spec.replicaId, spec: { env: { A: 'b' }, registry } }]);
    const [link] = await dataSource.query<{ key: string }[]>(`SELECT confirmed_key AS key FROM agent_links WHERE node_id = $1`, [nodeId]);
    expect(new Tickets(to).canRead(Number(link?.key))).toBe(false);
  });
});
