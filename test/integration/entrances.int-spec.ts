import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { Entrance } from '../../src/runtime/entrances';
import { EntrancesRepository } from '../../src/reconciler/entrances/entrances.repository';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aNode, aPlacedReplica, aUser, insertRow } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

describe('what is wanted of the entrances of a node', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let repository: EntrancesRepository;
  let nodeId: string;
  let userId: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 3);
    repository = new EntrancesRepository(dataSource);
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });
  beforeEach(async () => {
    nodeId = await aNode(dataSource, { runtime: 'kubernetes' });
    userId = await aUser(dataSource);
  });

  const web = (target: number, more: Record<string, unknown> = {}): Promise<string> =>
    aDeployment(dataSource, {
      ...{ user_id: userId, target_replicas: target, ...more },
      container: {
        ports: [
          { containerPort: 443, protocol: 'tcp' },
          { containerPort: 80, protocol: 'tcp' },
          { containerPort: 53, protocol: 'udp' },
        ],
      },
    });
  const replica = (deploymentId: string, status = 'running', on = nodeId): Promise<string> =>
    aPlacedReplica(dataSource, { deployment_id: deploymentId, node_id: on, status });
  const wanted = async (): Promise<readonly Entrance[]> => (await repository.wanted(nodeId)).entrances;

  it('are the tcp ports, the replicas that run, and how many of them are to stay', async () => {
    const id = await web(3);
    const running = [await replica(id), await replica(id)].sort();
    await replica(id, 'starting');
    await replica(id, 'running', await aNode(dataSource));
    expect(await wanted()).toEqual([
      // Of three that serve one may go, wherever it is.
      { ...{ deploymentId: id, ownerId: userId, ports: [80, 443], routes: [], members: running, keep: 1 } },
    ]);
  });

  it('keep none where one replica is all, and everything where one is missing', async () => {
    await replica(await web(1));
    expect((await wanted()).map(({ keep }) => keep)).toEqual([0]);
    const id = await web(3);
    await replica(id);
    await replica(id);
    expect((await wanted()).find(({ deploymentId }) => deploymentId === id)).toMatchObject({ keep: 2 });
  });

  it('are the backends of the routes and no others, once there are routes', async () => {
    const id = await web(2);
    const [first] = [await replica(id), await replica(id)];
    await dataSource.query(`INSERT INTO route_tables (deployment_id, version, backends, leaving, changed_in) VALUES ($1, 1, $2, '[]', 1)`, [
      ...[id, JSON.stringify([{ replicaId: first, ports: { 80: '10.0.0.1:80' } }])],
    ]);
    const route = { deployment_id: id, host: `${randomUUID()}.example`, path_prefix: '/', port: 80, position: 0, named: true };
    await insertRow(dataSource, 'deployment_routes', route);
    expect(await wanted()).toMatchObject([{ members: [first], routes: [{ host: route.host, pathPrefix: '/', port: 80 }] }]);
  });

  it('are none of what is stopped, and none of other nodes', async () => {
    await replica(await web(1, { status: 'stopped' }), 'stopping');
    await replica(await web(1), 'running', await aNode(dataSource));
    expect(await wanted()).toEqual([]);
  });
});
