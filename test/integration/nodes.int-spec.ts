import type { DataSource } from 'typeorm';
import { AppConfig } from '../../src/config/app-config';
import { inTransaction } from '../../src/database/transaction';
import type { EngineInfo } from '../../src/engines/engine-info';
import type { FleetNode } from '../../src/engines/fleet-node';
import { ENGINE_TRAITS } from '../../src/engines/runtime-kinds';
import { NodeRecordsRepository } from '../../src/nodes/node-records.repository';
import { NodesRepository } from '../../src/nodes/nodes.repository';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aNode, aPlacedReplica, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

const engine = (engineId: string, over: Partial<EngineInfo> = {}): EngineInfo => ({
  ...{ engineId, version: '27.1', cpuCores: 4, memoryMb: 8000, gpuUnits: 0, storageGb: 100 },
  ...{ cpuUsagePercent: 12.5, memoryUsagePercent: 40, isolation: null, ...over },
});
const LOCAL = { name: 'local', region: 'us-east', runtime: 'docker' } as const;

describe('nodes in the database', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let nodes: NodesRepository;
  let records: NodeRecordsRepository;
  beforeEach(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url);
    nodes = new NodesRepository(dataSource, new AppConfig());
    records = new NodeRecordsRepository(dataSource, new AppConfig());
  });
  afterEach(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const secondsAgo = (seconds: number): Date => new Date(Date.now() - seconds * 1000);
  const candidates = (lock = false): Promise<FleetNode[]> => inTransaction(dataSource, (tx) => nodes.candidates(tx, { lock }));
  const reserveOn = async (node_id: string, cpuCores: number): Promise<string> => {
    const deployment_id = await aDeployment(dataSource, { user_id: await aUser(dataSource) });
    return aPlacedReplica(dataSource, { deployment_id, node_id }, { cpuCores });
  };

  it.each<[string, Record<string, unknown>, string, string | null]>([
    ['never heard of', { last_heartbeat: null }, 'offline', 'offline: has not answered yet'],
    ['silent for a minute', { last_heartbeat: secondsAgo(60), cordoned: true }, 'offline', 'offline: no answer for 6'],
    ['heard of a moment ago', { last_heartbeat: secondsAgo(10) }, 'idle', null],
    ['cordoned', { cordoned: true, cpu_usage_percent: 99 }, 'maintenance', 'in maintenance (cordoned)'],
    ['draining', { cordoned: true, draining: true }, 'maintenance', 'in maintenance (draining)'],
    ['at work, which only lowers its score', { cpu_usage_percent: 100, memory_usage_percent: 99 }, 'idle', null],
  ])('a node that is %s', async (_what, values, status, unavailable) => {
    const id = await aNode(dataSource, values);
    expect(await records.find(id)).toMatchObject({ status });
    const [candidate] = await candidates();
    expect(candidate?.unavailable ?? null).toEqual(unavailable === null ? null : expect.stringContaining(unavailable));
  });

  it('a node is active while something is reserved, and busy but a candidate when nothing is free', async () => {
    const id = await aNode(dataSource, { cpu_cores: 2 });
    await reserveOn(id, 1.5);
    expect(await records.find(id)).toMatchObject({ status: 'active' });
    await reserveOn(id, 0.5);
    expect(await records.find(id)).toMatchObject({ status: 'busy' });
    expect(await candidates()).toMatchObject([{ id, unavailable: null, capacity: { cpuCores: 2 }, reserved: { cpuCores: 2 } }]);
  });

  it('gives candidates as placement wants them, in id order, removed ones left out', async () => {
    const ids = await Promise.all([1, 2, 3].map(() => aNode(dataSource)));
    await aNode(dataSource, { removed_at: new Date() });
    const found: FleetNode[] = await candidates();
    expect(found.map(({ id }) => id)).toEqual([...ids].sort());
    expect(Object.keys(found[0] ?? {}).sort()).toEqual([
      'capacity',
      'cpuUsagePercent',
      'diskFreeGb',
      'id',
      'keepsVolumes',
      'memoryUsagePercent',
      'name',
      'region',
      'reserved',
      'unavailable',
    ]);
  });

  it('counts nodes that do not answer now as room for later, and not those that never have, whatever they are said to have', async () => {
    const silent = await aNode(dataSource, { last_heartbeat: new Date(Date.now() - 3_600_000) });
    const never = await aNode(dataSource, { last_heartbeat: null, runtime: 'agent' });
    const cordoned = await aNode(dataSource, { last_heartbeat: new Date(Date.now() - 3_600_000), cordoned: true });
    const later = await inTransaction(dataSource, (tx) => nodes.candidates(tx, { lock: false, silentToo: true }));
    expect(new Map(later.map(({ id, unavailable }) => [id, unavailable === null]))).toEqual(
      new Map([...[silent, never, cordoned].sort()].map((id) => [id, id === silent])),
    );
  });

  const WAITING = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;

  it('holds reservations back while the candidates are locked, and not while they are only read', async () => {
    const id = await aNode(dataSource);
    for (const lock of [false, true]) {
      let reserved = false;
      await inTransaction(dataSource, async (tx) => {
        await nodes.candidates(tx, { lock });
        const reserving = reserveOn(id, 1).then(() => (reserved = true));
        if (!lock) await reserving;
        else await until(async () => (await dataSource.query<unknown[]>(WAITING)).length > 0);
        expect(reserved).toBe(!lock);
      });
      await until(() => reserved);
    }
  });

  it('a disk that cannot be measured keeps its size, and one that never was is taken for 100 GB', async () => {
    const disk = async (id: string): Promise<unknown> => {
      const node = await records.find(id);
      return [node?.capacity.storageGb, node?.diskFreeGb];
    };
    const local = await nodes.registerLocalEngine(engine('e1', { storageGb: 252, diskFreeGb: 73 }), LOCAL);
    expect(await disk(local)).toEqual([252, 73]);
    expect(await candidates()).toMatchObject([{ capacity: { storageGb: 252 }, diskFreeGb: 73 }]);
    await nodes.registerLocalEngine(engine('e1', { storageGb: null, diskFreeGb: null }), LOCAL);
    expect(await disk(local)).toEqual([252, null]);
    await nodes.heartbeat(local, engine('e1', { storageGb: 252, diskFreeGb: 7 }), ENGINE_TRAITS.docker);
    expect(await disk(local)).toEqual([252, 7]);
    await nodes.heartbeat(local, engine('e1', { storageGb: null }), ENGINE_TRAITS.docker);
    expect(await disk(local)).toEqual([252, null]);
    const remote = await aNode(dataSource, { runtime: 'docker', endpoint: 'tcp://10.0.0.5:2376', storage_gb: 0, last_heartbeat: null });
    await nodes.heartbeat(remote, engine('e2', { storageGb: null }), ENGINE_TRAITS.docker);
    expect(await disk(remote)).toEqual([100, null]);
  });

  it('shows the largest of several machines for as long as its engine tells it', async () => {
    const largestMachine = { cpuCores: 7.125, memoryMb: 14_336 };
    const id = await aNode(dataSource, { runtime: 'kubernetes', last_heartbeat: null });
    expect(await records.find(id)).toMatchObject({ largestMachine: null });
    await nodes.heartbeat(id, engine('c1', { largestMachine }), ENGINE_TRAITS.kubernetes);
    expect(await records.find(id)).toMatchObject({ largestMachine });
    expect(await candidates()).toMatchObject([{ largestMachine }]);
    await nodes.heartbeat(id, engine('c1'), ENGINE_TRAITS.kubernetes);
    expect(await records.find(id)).toMatchObject({ largestMachine: null });
  });

  it('a heartbeat follows a Docker engine, but never below what is reserved', async () => {
    const id = await aNode(dataSource, { runtime: 'docker', last_heartbeat: null, last_error: 'away', endpoint: 'tcp://10.0.0.5:2376' });
    await reserveOn(id, 6);
    await nodes.heartbeat(id, engine('e1'), ENGINE_TRAITS.docker);
    expect(await records.find(id)).toMatchObject({
      ...{ status: 'busy', lastError: null, cpuUsagePercent: 12.5, memoryUsagePercent: 40 },
      capacity: { cpuCores: 6, memoryMb: 8000, gpuUnits: 0, storageGb: 100 },
    });
  });

  it('a heartbeat leaves the capacity of a simulated node', async () => {
    const id = await aNode(dataSource, { last_heartbeat: null });
    await nodes.heartbeat(id, engine('e1'), ENGINE_TRAITS.simulated);
    expect(await records.find(id)).toMatchObject({
      status: 'idle',
      capacity: { cpuCores: 16, memoryMb: 32_768, gpuUnits: 2, storageGb: 500 },
    });
  });

  it('an engine that answers in place of the one of a node changes nothing, unless nodes of its kind stand for no engine', async () => {
    const docker = await aNode(dataSource, { runtime: 'docker', engine_id: 'e1', last_heartbeat: null });
    const simulated = await aNode(dataSource, { engine_id: 'e2', last_heartbeat: null });
    await nodes.heartbeat(docker, engine('other'), ENGINE_TRAITS.docker);
    await nodes.heartbeat(simulated, engine('other'), ENGINE_TRAITS.simulated);
    expect(await records.find(docker)).toMatchObject({ status: 'offline', cpuUsagePercent: 0, capacity: { memoryMb: 32_768 } });
    expect(await records.find(simulated)).toMatchObject({ status: 'idle', cpuUsagePercent: 12.5 });
    expect((await nodes.targetsOf([docker, simulated])).map(({ engineId }) => engineId).sort()).toEqual(['e1', 'e2']);
  });

  it('says so when two nodes turn out to be one engine, instead of counting it twice', async () => {
    const [first, second] = [
      await aNode(dataSource, { runtime: 'docker' }),
      await aNode(dataSource, { runtime: 'docker', last_heartbeat: null }),
    ];
    await nodes.heartbeat(first, engine('same'), ENGINE_TRAITS.docker);
    await nodes.heartbeat(second, engine('same'), ENGINE_TRAITS.docker);
    expect(await records.find(second)).toMatchObject({
      status: 'offline',
      lastError: 'The engine at this address is registered as another node already',
    });
  });

  it('registers the local engine once, and keeps what people changed', async () => {
    const id = await nodes.registerLocalEngine(engine('here'), LOCAL);
    await inTransaction(dataSource, (tx) =>
      records.change(tx, id, { cordoned: true, labels: { rack: 'r1' }, region: 'eu-west', capacity: { cpuCores: 3 } }),
    );
    expect(await nodes.registerLocalEngine(engine('here', { cpuCores: 8, memoryMb: 16_000 }), LOCAL)).toBe(id);
    expect(await records.find(id)).toMatchObject({
      ...{ name: 'local', region: 'eu-west', cordoned: true, labels: { rack: 'r1' }, endpoint: null },
      capacity: { cpuCores: 3, memoryMb: 16_000 },
    });
  });

  it('numbers the names of engines of one name, also when they start at once', async () => {
    await Promise.all(['a', 'b', 'c'].map((id) => nodes.registerLocalEngine(engine(id), LOCAL)));
    await Promise.all(['a', 'a', 'a'].map((id) => nodes.registerLocalEngine(engine(id), LOCAL)));
    const { nodes: all } = await records.findPage({ limit: 10, offset: 0 });
    expect(all.map(({ name }) => name)).toEqual(['local', 'local-2', 'local-3']);
  });

  it('makes the demo nodes once, whoever starts, and not again when they were removed', async () => {
    await Promise.all([nodes.registerDemoNodes(), nodes.registerDemoNodes()]);
    const { nodes: demo, total } = await records.findPage({ limit: 10, offset: 0 });
    expect(total).toBe(3);
    expect(demo.map(({ region, capacity }) => [region, capacity.gpuUnits])).toEqual([
      ['eu-west', 0],
      ['us-east', 2],
      ['us-west', 0],
    ]);
    expect(
      demo.every(({ runtime, status, capacity }) => runtime === 'simulated' && status === 'idle' && capacity.memoryMb === 32_768),
    ).toBe(true);
    await dataSource.query(`UPDATE nodes SET removed_at = now()`);
    await nodes.registerDemoNodes();
    expect((await records.findPage({ limit: 10, offset: 0 })).total).toBe(0);
  });

  it('names the engines to talk to, by runtime', async () => {
    const docker = await aNode(dataSource, {
      runtime: 'docker',
      endpoint: 'unix:///var/run/docker.sock',
      cordoned: true,
      draining: true,
      name: 'd',
    });
    await aNode(dataSource, { removed_at: new Date() });
    const simulated = await aNode(dataSource, { last_heartbeat: null, name: 's' });
    expect(await nodes.targets(['docker'])).toEqual([
      {
        id: docker,
        name: 'd',
        runtime: 'docker',
        endpoint: 'unix:///var/run/docker.sock',
        engineId: null,
        draining: true,
        online: true,
        lost: false,
        hasOrphans: false,
      },
    ]);
    expect(await nodes.targets(['simulated'])).toEqual([
      {
        id: simulated,
        name: 's',
        runtime: 'simulated',
        endpoint: null,
        engineId: null,
        draining: false,
        online: false,
        lost: false,
        hasOrphans: false,
      },
    ]);
  });
});
